"""Tokens of the local stack: one secret a run, for the owner's and a user's JWT."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import jwt

ALGORITHM = "HS256"
LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Who signs the tokens that a config service accepts."""

    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    issuer: str = "lotwise"
    audience: str = "lotwise"

    def environment(self) -> dict[str, str]:
        """Return what config_service and `lotwise token` read."""
        return {
            "LOTWISE_JWT_SECRET": self.secret,
            "LOTWISE_JWT_ISSUER": self.issuer,
            "LOTWISE_JWT_AUDIENCE": self.audience,
        }

    def token(self, user: str, role: Literal["owner", "user"], *, lifetime: timedelta = LIFETIME) -> str:
        """Return a token of `user`; a negative lifetime gives one that has expired."""
        now = datetime.now(UTC)
        claims = {
            "sub": user,
            "role": role,
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now + lifetime,
        }
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)
