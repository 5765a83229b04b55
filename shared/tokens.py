"""JSON Web Tokens by RFC 8725: who calls, and in which role.

The algorithm belongs to the key and comes from our own settings; nothing that a token says of itself (`alg`, `kid`,
`jwk`, `jku`, `x5u`) decides how it is verified.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Literal

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.schemas.values import Identifier
from shared.settings import Settings

Role = Literal["owner", "user"]

TOKEN_BYTES_MAX = 4096
SECRET_CHARACTERS_MIN = 32
"""An HMAC key must not be shorter than its hash (RFC 7518, 3.2)."""
CLOCK_SKEW_S = 30
"""How far the issuer's clock may be ahead of ours. A token's end is not stretched by it."""

_SCHEME = "bearer"


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise ValueError(f"must have at least {SECRET_CHARACTERS_MIN} characters; `openssl rand -hex 32` makes one")
    return secret


class TokenSettings(Settings):
    """Whose tokens are believed. `jwt_lifetime_max_seconds`: from a token's `iat` to its `exp`, at most."""

    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)]
    jwt_issuer: Annotated[str, Field(min_length=1)] = "lotwise"
    jwt_audience: Annotated[str, Field(min_length=1)] = "lotwise"
    jwt_lifetime_max_seconds: Annotated[int, Field(ge=60, le=31_536_000)] = 86_400


class TokenError(Exception):
    """The token is not to be believed. The text is for our log, never for the client, and holds no part of it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believed token says. `user` is its `sub`, and the `updated_by` of what its bearer changes."""

    user: str
    role: Role


@dataclass(frozen=True, slots=True)
class _Key:
    """A key and the one algorithm that it may be used with."""

    secret: str
    algorithm: Literal["HS256"]


_NumericDate = Annotated[float, Field(allow_inf_nan=False)]
"""Seconds since 1970."""


class _Payload(BaseModel):
    """The claims by their exact types: a number is no user, and a list of roles is no role."""

    model_config = ConfigDict(strict=True, extra="ignore")

    sub: Identifier
    role: Role
    iat: _NumericDate
    exp: _NumericDate


def issue_token(settings: TokenSettings, *, user: str, role: Role, lifetime_s: int) -> str:
    """A token for `user` that ends in `lifetime_s` seconds; one that is not above 0 makes a token that has ended.

    Raises ValueError where we would not believe it ourselves for its lifetime, its user or its role.
    """
    if lifetime_s > settings.jwt_lifetime_max_seconds:
        raise ValueError(f"a token may live at most {settings.jwt_lifetime_max_seconds} seconds")
    now = int(time.time())
    claims = {"sub": user, "role": role, "iat": now, "exp": now + lifetime_s}
    _Payload.model_validate(claims)
    key = _key(settings)
    claims |= {"iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    return jwt.encode(claims, key.secret, algorithm=key.algorithm)


def verify_token(settings: TokenSettings, token: str) -> Claims:
    """The claims of a token that we issued, that is for us, and that has not ended. Raises TokenError."""
    if len(token) > TOKEN_BYTES_MAX:
        raise TokenError("too long")
    payload = _read(_decode(settings, token))
    if payload.iat > time.time() + CLOCK_SKEW_S:
        raise TokenError("issued in the future")
    if payload.exp - payload.iat > settings.jwt_lifetime_max_seconds:
        raise TokenError("lives too long")
    return Claims(payload.sub, payload.role)


def bearer_token(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer …` header; None where the header is missing or of another scheme."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == _SCHEME else None


def _key(settings: TokenSettings) -> _Key:
    return _Key(settings.jwt_secret.get_secret_value(), "HS256")


def _decode(settings: TokenSettings, token: str) -> dict[str, object]:
    key = _key(settings)
    try:
        return jwt.decode(
            token,
            key.secret,
            algorithms=[key.algorithm],
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            # `iat` is ours to judge: PyJWT refuses it for one second of clock skew.
            options={"require": ["exp", "iat", "iss", "aud", "sub"], "verify_iat": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise TokenError(type(error).__name__) from None


def _read(payload: dict[str, object]) -> _Payload:
    try:
        return _Payload.model_validate(payload)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors()}))
        raise TokenError(f"wrong claims: {wrong}") from None
