"""Making a token with our own secret, and finding one in a header."""

from __future__ import annotations

import time

import jwt

from shared.errors import DeploymentError
from shared.tokens.claims import Payload, Role
from shared.tokens.keys import HMAC_ALGORITHM
from shared.tokens.settings import TokenSettings

_SCHEME = "bearer"


def issue_token(settings: TokenSettings, *, user: str, role: Role, lifetime_s: int) -> str:
    """A token for `user` that ends in `lifetime_s` seconds; one that is not above 0 makes a token that has ended.

    Raises ValueError where we would not believe it ourselves for its lifetime, its user or its role, and
    DeploymentError where tokens are signed by a key that we do not have.
    """
    if settings.jwt_secret is None:
        raise DeploymentError(
            "LOTWISE_JWT_SECRET: is not set; the keys here are public ones (LOTWISE_JWT_JWKS_FILE or"
            " LOTWISE_JWT_JWKS_URL), so tokens are made by whoever holds the private ones"
        )
    if lifetime_s > settings.jwt_lifetime_max_seconds:
        raise ValueError(f"a token may live at most {settings.jwt_lifetime_max_seconds} seconds")
    now = int(time.time())
    claims = {"sub": user, "role": role, "iat": now, "exp": now + lifetime_s}
    Payload.model_validate(claims)
    claims |= {"iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm=HMAC_ALGORITHM)


def bearer_token(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer …` header; None where the header is missing or of another scheme."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == _SCHEME else None
