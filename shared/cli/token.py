"""`lotwise token`: a JSON Web Token for the owner or a user of the HTTP API and of configuration commands."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from shared.cli.terminal import clear_failures, say
from shared.schemas.values import Identifier
from shared.settings import load
from shared.tokens import Role, TokenSettings, issue_token

LIFETIME_S = 3600


def token(
    user: Annotated[str, typer.Option(help="The user's id: the token's `sub`, and `updated_by` of what it changes.")],
    role: Annotated[Role, typer.Option(help="`owner` may turn the dial, `user` may look.")],
    lifetime: Annotated[int, typer.Option(min=1, help="Seconds until it ends.")] = LIFETIME_S,
) -> None:
    """Issue a token and write it, alone, to standard output.

    Reads LOTWISE_JWT_SECRET, LOTWISE_JWT_ISSUER, LOTWISE_JWT_AUDIENCE and LOTWISE_JWT_LIFETIME_MAX_SECONDS as
    config_service does: it believes what this command signs. Where config_service verifies by a JWKS, the tokens are
    made by whoever holds its private keys, and not here.
    """
    with clear_failures():
        settings = load(TokenSettings)
        _check(settings, user, lifetime)
        say(issue_token(settings, user=user, role=role, lifetime_s=lifetime))


def _check(settings: TokenSettings, user: str, lifetime: int) -> None:
    if lifetime > settings.jwt_lifetime_max_seconds:
        raise typer.BadParameter(
            f"at most {settings.jwt_lifetime_max_seconds} (LOTWISE_JWT_LIFETIME_MAX_SECONDS)", param_hint="--lifetime"
        )
    try:
        TypeAdapter(Identifier).validate_python(user)
    except ValidationError:
        raise typer.BadParameter("1 to 128 characters, none of them a control character", param_hint="--user") from None
