"""`lotwise accounts`: who is connected, with what, and how fresh it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import Field

from shared.cli.terminal import clear_failures, complain, say, say_json, show
from shared.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from shared.database.accounts import ListedAccount


class FreshnessSettings(Settings):
    """What `--stale` compares with, as sync_consumer and sizing_worker do. Seconds."""

    freshness_seconds: Annotated[float, Field(gt=0)] = 300


def accounts(
    user: Annotated[str | None, typer.Option(help="Of this user alone.")] = None,
    status: Annotated[
        Literal["active", "inactive", "stale", "error"] | None, typer.Option(help="Of this sync status alone.")
    ] = None,
    stale: Annotated[  # noqa: FBT002 - typer's way to declare a flag
        bool, typer.Option("--stale", help="Only those that are not sized now because their snapshot is too old.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
) -> None:
    """List the accounts at their newest snapshots, by user, server and login.

    --stale goes by the snapshot's age and LOTWISE_FRESHNESS_SECONDS (300), as sizing does; the status is written within
    10 seconds of it. Reads LOTWISE_DATABASE_URL.
    """
    with clear_failures():
        older_than_s = load(FreshnessSettings).freshness_seconds if stale else None
        wanted = {"user_id": user, "sync_status": status, "older_than_s": older_than_s}
        found = asyncio.run(_find(wanted, limit=limit + 1))
        _tell(found[:limit], as_json=as_json)
        if len(found) > limit:
            complain(f"lotwise: there are more than these {limit}; see them by --limit, or narrow it")


async def _find(wanted: dict[str, Any], *, limit: int) -> list[ListedAccount]:
    from shared.cli.database import database  # noqa: PLC0415 - SQLAlchemy takes a second to load
    from shared.database.accounts import AccountQuery, list_accounts  # noqa: PLC0415

    async with database("lotwise accounts") as engine:
        return await list_accounts(engine, AccountQuery(**wanted), limit=limit)


def _tell(found: Sequence[ListedAccount], *, as_json: bool) -> None:
    if as_json:
        say_json([_document(account) for account in found])
    elif found:
        show(_table(found))
    else:
        say("no account is meant")


def _document(account: ListedAccount) -> dict[str, Any]:
    """For programs: decimals as strings, times in RFC 3339, under the names of the HTTP API."""
    from dataclasses import asdict  # noqa: PLC0415
    from decimal import Decimal  # noqa: PLC0415

    from shared.schemas.values import format_decimal, format_time  # noqa: PLC0415

    fields = {
        name: format_decimal(value) if isinstance(value, Decimal) else value for name, value in asdict(account).items()
    }
    return {**fields, "captured_at": format_time(account.captured_at)}


def _table(found: Sequence[ListedAccount]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    from shared.cli.texts import safe, span  # noqa: PLC0415
    from shared.schemas.values import format_decimal  # noqa: PLC0415

    made = Table(box=None, pad_edge=False)
    for title in ("user", "account", "status", "age"):
        made.add_column(title, no_wrap=True)
    for title in ("balance", "equity", "margin free", "currency", "leverage", "positions"):
        made.add_column(title, justify="right", no_wrap=True)
    for one in found:
        made.add_row(
            safe(one.user_id),
            safe(f"{one.login}@{one.server}") + (" (demo)" if one.is_demo else ""),
            one.sync_status,
            span(float(one.age_seconds)),
            *(format_decimal(amount) for amount in (one.balance, one.equity, one.margin_free)),
            safe(one.currency),
            f"1:{one.leverage}",
            str(one.open_positions_count),
        )
    return made
