"""What tokens are made of: good claims, keys of an issuer, and tokens put together by hand as an attacker does it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "a-secret-of-the-tests-and-of-nothing-else"


def claims(**changed: object) -> dict[str, Any]:
    """What a good token says, but for what is changed."""
    now = int(time.time())
    good = {"sub": "owner-1", "role": "owner", "iss": "lotwise", "aud": "lotwise", "iat": now, "exp": now + 3600}
    return good | changed


def signed(payload: dict[str, Any], *, secret: str = SECRET, algorithm: str = "HS256", **headers: object) -> str:
    """A token signed with a secret."""
    return jwt.encode(payload, secret, algorithm=algorithm, headers=headers or None)


def by_hand(header: dict[str, Any], payload: dict[str, Any], *, secret: str | None) -> str:
    """A token as an attacker forges it: PyJWT itself refuses to make some of these."""
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, payload))
    if secret is None:
        return f"{text}."
    return f"{text}.{encoded(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def encoded(data: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class SigningKey:
    """A private key of an issuer."""

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    kid: str

    @property
    def algorithm(self) -> str:
        """The one that goes with it."""
        return "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256"

    @property
    def pem(self) -> str:
        """The public key, as everybody may have it."""
        form = PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(Encoding.PEM, form).decode()

    def jwk(self, **changed: object) -> dict[str, Any]:
        """The public key as its issuer publishes it, but for what is changed; None takes a member out."""
        document = (
            _document(self.private.public_key()) | {"kid": self.kid, "use": "sig", "alg": self.algorithm} | changed
        )
        return {name: value for name, value in document.items() if value is not None}

    def private_jwk(self) -> dict[str, Any]:
        """The private key, where it does not belong."""
        return _document(self.private) | {"kid": self.kid}

    def token(self, payload: dict[str, Any] | None = None, **headers: Any) -> str:
        """A token signed with it, which names it unless `headers` say otherwise; None takes a member out."""
        named = {name: value for name, value in {"kid": self.kid, **headers}.items() if value is not None}
        return jwt.encode(payload or claims(), self.private, algorithm=self.algorithm, headers=named)

    def signature(self, text: str) -> str:
        """The RS256 signature of header and payload, for those that PyJWT refuses to sign."""
        if not isinstance(self.private, rsa.RSAPrivateKey):
            raise TypeError("only RSA keys sign by hand")
        return encoded(self.private.sign(text.encode(), PKCS1v15(), SHA256()))


def _document(
    key: rsa.RSAPrivateKey | rsa.RSAPublicKey | ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey,
) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return RSAAlgorithm.to_jwk(key, as_dict=True)
    return ECAlgorithm.to_jwk(key, as_dict=True)


@cache
def rsa_key(kid: str = "rsa-1", *, bits: int = 2048) -> SigningKey:
    """An RSA key of that name, the same for the whole run."""
    return SigningKey(rsa.generate_private_key(public_exponent=65537, key_size=bits), kid)


@cache
def ec_key(kid: str = "ec-1") -> SigningKey:
    """A P-256 key of that name, the same for the whole run."""
    return SigningKey(ec.generate_private_key(ec.SECP256R1()), kid)


def jwks(*keys: SigningKey | dict[str, Any]) -> bytes:
    """A JWKS of keys, or of documents that should be keys."""
    return json.dumps({"keys": [key.jwk() if isinstance(key, SigningKey) else key for key in keys]}).encode()
