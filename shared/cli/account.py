"""`lotwise account`: what the operator alone may do to an account."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from shared.cli.spans import read_account
from shared.cli.terminal import EXIT_DIFFERENT, clear_failures, complain, say
from shared.schemas.values import Identifier

if TYPE_CHECKING:
    from shared.database.moves import Moved, NotMoved
    from shared.schemas.account import AccountKey

REASON_MAX = 500

account = typer.Typer(help="What the operator alone may do to an account.", no_args_is_help=True)


@account.callback()
def _group() -> None:
    """What the operator alone may do to an account."""


@account.command(epilog='Example: `lotwise account move 590338389@FxPro-MT5 --to u-18 --reason "sold"`')
def move(
    which: Annotated[str, typer.Argument(metavar="LOGIN@SERVER", help="The account, such as 590338389@FxPro-MT5.")],
    to: Annotated[str, typer.Option(help="The user whom it shall belong to.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the move.")],
    by: Annotated[str | None, typer.Option(help="Who moves it; the name you are logged in under if left out.")] = None,
) -> None:
    """Move an account, with what its broker published, to another user; kept in account_moves.

    From then on the new user's snapshots are applied and the old user's are refused. What the account has reserved
    stays reserved. Reads LOTWISE_DATABASE_URL. Exit status 1: nothing was moved.
    """
    with clear_failures():
        key = read_account(which, option="LOGIN@SERVER")
        _check(to, reason, moved_by := by or login())
        _tell(asyncio.run(_move(key, to, moved_by, reason)), which, to)


async def _move(key: AccountKey, to: str, moved_by: str, reason: str) -> Moved | NotMoved:
    from shared.cli.database import database  # noqa: PLC0415 - SQLAlchemy takes a second to load
    from shared.database.moves import move_account  # noqa: PLC0415

    async with database("lotwise account move") as engine:
        return await move_account(engine, key, to_user_id=to, moved_by=moved_by, reason=reason)


def _tell(result: Moved | NotMoved, which: str, to: str) -> None:
    from shared.database.moves import NotMoved  # noqa: PLC0415

    if isinstance(result, NotMoved):
        known = f"account {which} belongs to {to} already" if result.owner else f"account {which} is not known"
        complain(f"lotwise: {known}; nothing was moved")
        raise typer.Exit(EXIT_DIFFERENT)
    say(f"account {which} moved from {result.from_user_id} to {to}, with the specs of {result.specs} instruments")


def login() -> str:
    """The name that the operator is logged in under. Raises typer.BadParameter where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        raise typer.BadParameter("say who moves it: this login has no name", param_hint="--by") from None


def _check(to: str, reason: str, moved_by: str) -> None:
    for name, option in ((to, "--to"), (moved_by, "--by")):
        try:
            TypeAdapter(Identifier).validate_python(name)
        except ValidationError:
            message = "1 to 128 characters, none of them a control character"
            raise typer.BadParameter(message, param_hint=option) from None
    if not reason.strip() or len(reason) > REASON_MAX or not reason.isprintable():
        raise typer.BadParameter(f"1 to {REASON_MAX} characters on one line", param_hint="--reason")
