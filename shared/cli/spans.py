"""What the commands that look back have in common: which decisions are meant."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from shared.schemas.values import parse_time

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from shared.database.records import Span
    from shared.schemas.account import AccountKey

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_ACCOUNT = re.compile(r"(\d{1,19})@(.+)", re.ASCII)

Since = Annotated[str | None, typer.Option(help="From this time on: RFC 3339, or how long ago, such as 24h or 7d.")]
Until = Annotated[str | None, typer.Option(help="Before this time, told as --since is; now if left out.")]
OfAccount = Annotated[str | None, typer.Option("--account", help="Of this account alone: LOGIN@SERVER.")]


def read_moment(text: str | None, *, option: str) -> datetime | timedelta | None:
    """A time, or how long ago. Raises typer.BadParameter."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return timedelta(seconds=int(ago[1]) * SECONDS[ago[2]])
    try:
        return parse_time(text)
    except ValueError:
        message = 'must be a time with its offset, such as "2026-11-22T14:00:00Z", or how long ago, such as 24h or 7d'
        raise typer.BadParameter(message, param_hint=option) from None


def read_account(text: str, *, option: str) -> AccountKey:
    """LOGIN@SERVER. Raises typer.BadParameter."""
    from pydantic import ValidationError  # noqa: PLC0415

    from shared.schemas.account import AccountKey  # noqa: PLC0415 - every model takes its time to be made

    if parts := _ACCOUNT.fullmatch(text):
        try:
            return AccountKey(login=int(parts[1]), server=parts[2])
        except ValidationError:
            pass
    raise typer.BadParameter("must be LOGIN@SERVER, such as 590338389@FxPro-MT5", param_hint=option)


class Meant:
    """Which decisions a command line asks for. Raises typer.BadParameter for what cannot be read."""

    def __init__(self, *, since: str | None, until: str | None, account: str | None) -> None:
        self.since = read_moment(since, option="--since")
        self.until = read_moment(until, option="--until")
        self.account = None if account is None else read_account(account, option="--account")

    async def span(self, engine: AsyncEngine) -> Span:
        """The span in this database. Raises typer.BadParameter for an account that it does not know."""
        from shared.database.records import find_account, span_of  # noqa: PLC0415 - SQLAlchemy takes a second to load

        account_id = None
        if self.account is not None:
            account_id = await find_account(engine, login=self.account.login, server=self.account.server)
            if account_id is None:
                name = f"{self.account.login}@{self.account.server}"
                raise typer.BadParameter(f"the account {name} is not known", param_hint="--account")
        return await span_of(engine, since=self.since, until=self.until, account_id=account_id)
