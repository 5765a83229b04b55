"""What a token says, by exact types and within bounds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.schemas.values import Identifier

Role = Literal["owner", "user"]

TOKEN_BYTES_MAX = 4096
CLOCK_SKEW_S = 30
"""How far the issuer's clock may be ahead of ours. A token's end is not stretched by it."""


class TokenError(Exception):
    """The token is not to be believed. The text is for our log, never for the client, and holds no part of it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believed token says. `user` is its `sub`, and the `updated_by` of what its bearer changes."""

    user: str
    role: Role
    expires_at: datetime
    """Aware, in UTC: from then on it is not to be believed any more."""


_NumericDate = Annotated[float, Field(allow_inf_nan=False)]
"""Seconds since 1970."""


class Payload(BaseModel):
    """The claims by their exact types: a number is no user, and a list of roles is no role."""

    model_config = ConfigDict(strict=True, extra="ignore")

    sub: Identifier
    role: Role
    iat: _NumericDate
    exp: _NumericDate


def read_claims(document: dict[str, object], *, lifetime_max_s: int) -> Claims:
    """The claims of a payload whose signature, issuer, audience and end have been checked. Raises TokenError."""
    payload = _payload(document)
    if payload.iat > time.time() + CLOCK_SKEW_S:
        raise TokenError("issued in the future")
    if payload.exp - payload.iat > lifetime_max_s:
        raise TokenError("lives too long")
    return Claims(payload.sub, payload.role, datetime.fromtimestamp(payload.exp, UTC))


def _payload(document: dict[str, object]) -> Payload:
    try:
        return Payload.model_validate(document)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors()}))
        raise TokenError(f"wrong claims: {wrong}") from None
