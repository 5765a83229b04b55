"""Tokens of the local stack: a secret of its own for each run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from pydantic import SecretStr

from shared.tokens import Role, TokenSettings, issue_token

LIFETIME_S = 7 * 86_400
"""A stack may be left running over a weekend."""


def _settings(secret: str) -> TokenSettings:
    return TokenSettings(
        jwt_secret=SecretStr(secret),
        jwt_issuer="lotwise",
        jwt_audience="lotwise",
        jwt_lifetime_max_seconds=LIFETIME_S,
    )


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Who signs the tokens that a config service accepts."""

    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def settings(self) -> TokenSettings:
        """Those of config_service."""
        return _settings(self.secret)

    def environment(self) -> dict[str, str]:
        """Return what config_service and `lotwise token` read."""
        return {
            "LOTWISE_JWT_SECRET": self.secret,
            "LOTWISE_JWT_ISSUER": self.settings.jwt_issuer,
            "LOTWISE_JWT_AUDIENCE": self.settings.jwt_audience,
            "LOTWISE_JWT_LIFETIME_MAX_SECONDS": str(self.settings.jwt_lifetime_max_seconds),
        }

    def token(self, user: str, role: Role, *, lifetime_s: int = LIFETIME_S) -> str:
        """Return a token of `user`; a lifetime that is not above 0 makes one that has ended."""
        return issue_token(self.settings, user=user, role=role, lifetime_s=lifetime_s)
