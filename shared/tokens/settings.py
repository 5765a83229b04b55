"""Whose tokens are believed, as the operator sets it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from shared.production import is_loopback
from shared.settings import HttpUrl, Settings

SECRET_CHARACTERS_MIN = 32
"""An HMAC key must not be shorter than its hash (RFC 7518, 3.2)."""


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise ValueError(f"must have at least {SECRET_CHARACTERS_MIN} characters; `openssl rand -hex 32` makes one")
    return secret


def _encrypted(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        raise ValueError("must be https://: who can change the keys on their way can make tokens")
    return url


JwtSecret = Annotated[SecretStr, AfterValidator(_long_enough)]


class TokenSettings(Settings):
    """The keys that tokens are verified with: one secret, and the one before it; or a JWKS in a file or at a URL.

    `jwt_secret_previous` is believed and never used to issue. `jwt_lifetime_max_seconds`: from a token's `iat` to its
    `exp`, at most.
    """

    jwt_secret: JwtSecret | None = None
    jwt_secret_previous: JwtSecret | None = None
    jwt_jwks_file: Path | None = None
    jwt_jwks_url: Annotated[HttpUrl, AfterValidator(_encrypted)] | None = None
    jwt_issuer: Annotated[str, Field(min_length=1)] = "lotwise"
    jwt_audience: Annotated[str, Field(min_length=1)] = "lotwise"
    jwt_lifetime_max_seconds: Annotated[int, Field(ge=60, le=31_536_000)] = 86_400

    @model_validator(mode="after")
    def _one_kind_of_key(self) -> Self:
        """A choice between kinds of keys would be a choice for whoever forges a token (RFC 8725, 2.1)."""
        given = [self.jwt_secret, self.jwt_jwks_file, self.jwt_jwks_url]
        if given.count(None) != len(given) - 1:
            raise ValueError(
                "set exactly one of LOTWISE_JWT_SECRET, LOTWISE_JWT_JWKS_FILE and LOTWISE_JWT_JWKS_URL;"
                f" {'none is' if not any(given) else 'several are'} set"
            )
        if self.jwt_secret_previous is not None and self.jwt_secret is None:
            raise ValueError("LOTWISE_JWT_SECRET_PREVIOUS serves beside LOTWISE_JWT_SECRET only")
        return self
