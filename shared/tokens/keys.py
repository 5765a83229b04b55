"""Keys, each with the one algorithm that it may be used with; and which keys of a JWKS are taken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError
from pydantic import SecretStr

HMAC_ALGORITHM: Final = "HS256"
RSA_BITS_MIN = 2048
CURVE = "P-256"
KID_CHARACTERS_MAX = 256
LEFT_OUT_TOLD_MAX = 20
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class Key:
    """What verifies a signature. A token that names another algorithm is refused."""

    material: str | RSAPublicKey | EllipticCurvePublicKey = field(repr=False)
    algorithm: Literal["HS256", "RS256", "ES256"]


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of a JWKS by their `kid`, and why each other was left out."""

    keys: Mapping[str, Key]
    left_out: Sequence[str] = ()


class KeySetError(Exception):
    """It is no JWKS. The text is one line for the log."""


class _UnusableKeyError(Exception):
    """One key of a set is not to be used; the text says why."""


def secret_key(secret: SecretStr) -> Key:
    """The HMAC key of our own settings."""
    return Key(secret.get_secret_value(), HMAC_ALGORITHM)


def read_key_set(text: bytes) -> KeySet:
    """The usable keys of a JWKS (RFC 7517): RSA as RS256, P-256 as ES256, each under a `kid` of its own.

    Raises KeySetError where it is no JWKS at all. One without a usable key is one: all tokens are then refused.
    """
    named: list[tuple[str, Key]] = []
    left_out = []
    for number, document in enumerate(_documents(text), start=1):
        try:
            named.append(_named_key(document))
        except _UnusableKeyError as fault:
            left_out.append(f"key {number}: {fault}")
    times = Counter(kid for kid, _ in named)
    left_out += [f"{count} keys have the kid {kid!r}" for kid, count in times.items() if count > 1]
    keys = {kid: key for kid, key in named if times[kid] == 1}
    return KeySet(keys, tuple(left_out[:LEFT_OUT_TOLD_MAX]))


def _documents(text: bytes) -> list[Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise KeySetError("it is not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise KeySetError('it is no JWKS: {"keys": [...]} is missing')
    return keys


def _named_key(document: Any) -> tuple[str, Key]:
    """A key and its `kid`. Raises _UnusableKeyError."""
    if not isinstance(document, dict):
        raise _UnusableKeyError("it is no object")
    if document.get("kty") not in ("RSA", "EC"):
        raise _UnusableKeyError("its kty is neither RSA nor EC")
    if _PRIVATE & document.keys():
        raise _UnusableKeyError("it is a private key, which no verifier should have")
    operations = document.get("key_ops", ["verify"])
    if document.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise _UnusableKeyError("it is not for signatures")
    kid = document.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_CHARACTERS_MAX:
        raise _UnusableKeyError(f"its kid is not a text of 1 to {KID_CHARACTERS_MAX} characters")
    key = _rsa_key(document) if document["kty"] == "RSA" else _ec_key(document)
    if document.get("alg", key.algorithm) != key.algorithm:
        raise _UnusableKeyError(f"its alg is not {key.algorithm}")
    return kid, key


def _rsa_key(document: dict[str, Any]) -> Key:
    key = _read(RSAAlgorithm, document)
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise _UnusableKeyError(f"it has less than {RSA_BITS_MIN} bits")
    return Key(key, "RS256")


def _ec_key(document: dict[str, Any]) -> Key:
    key = _read(ECAlgorithm, document) if document.get("crv") == CURVE else None
    if not isinstance(key, EllipticCurvePublicKey):
        raise _UnusableKeyError(f"its curve is not {CURVE}")
    return Key(key, "ES256")


def _read(algorithm: type[RSAAlgorithm | ECAlgorithm], document: dict[str, Any]) -> object:
    try:
        return algorithm.from_jwk(document)
    except (PyJWTError, ValueError, TypeError) as error:  # of PyJWT, and of cryptography beneath it
        raise _UnusableKeyError(f"it cannot be read: {type(error).__name__}") from None
