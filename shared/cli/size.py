"""`lotwise size`: ask for a decision, as the signal engine does."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import typer

from shared.cli.spans import read_account
from shared.cli.terminal import (
    EXIT_DIFFERENT,
    EXIT_UNAVAILABLE,
    EXIT_WRONG_REQUEST,
    clear_failures,
    complain,
    say,
    say_json,
)
from shared.cli.texts import short_time
from shared.errors import DependencyError, DeploymentError
from shared.schemas.sizing import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.client import SizingClient
    from shared.schemas.sizing import SizingDecision, SizingOutcome, SizingRequest

STATUS_OF = {"approved": 0, "rejected": EXIT_DIFFERENT, "error": EXIT_WRONG_REQUEST}
OPTION_OF = {
    "entries": "--entry",
    "user_id": "--user",
    "setup_id": "--setup",
    "instrument": "INSTRUMENT",
    "conversion_rates": "--rate",
}
_RATE = re.compile(r"([A-Z]{6})=(.+)")


def size(
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="Its name in the business, such as XAUUSD.")],
    side: Annotated[Side, typer.Argument(help="Which side.")],
    user: Annotated[str, typer.Option(help="The user whose account it is.")],
    entry: Annotated[
        list[str],
        typer.Option(metavar="ENTRY/STOP[/TAKE-PROFIT]", help="The prices of one entry; given once to three times."),
    ],
    account: Annotated[
        str | None, typer.Option(metavar="LOGIN@SERVER", help="The account, where the user has several.")
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(metavar="PAIR=RATE", help="A rate for an account without specs, such as GBPUSD=1.27."),
    ] = None,
    setup: Annotated[str, typer.Option(help="The name of the setup; kept with the decision.")] = "lotwise-size",
    shrink: Annotated[  # noqa: FBT002 - typer's way to declare a flag
        bool, typer.Option("--shrink", help="Where the margin does not suffice, size smaller instead of refusing.")
    ] = False,
    release: Annotated[  # noqa: FBT002
        bool, typer.Option("--release", help="Only asking: give the reserved margin back at once.")
    ] = False,
    request_id: Annotated[
        UUID | None, typer.Option(help="Ask again under this id: the same request gets the same reply.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=60, help="Seconds to wait for the reply, and for the release.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="The reply as it came.")] = False,  # noqa: FBT002
) -> None:
    """Ask for lot sizes, as the signal engine does, and show the decision.

    It is a real one: decided once and kept, and an approval reserves its margin for as long as the reply says, unless
    --release gives it back, once it was shown. Reads LOTWISE_SIGNAL_ENGINE_AMQP_URL, or LOTWISE_AMQP_URL where that is
    not set. Exit status 0: approved, 1: rejected, the account or the market says no, 65: the request itself is wrong,
    69: no reply came, or the release was not confirmed.
    """
    with clear_failures():
        request = _request(
            request_id=request_id or uuid4(),
            user_id=user,
            account=None if account is None else read_account(account, option="--account"),
            setup_id=setup,
            instrument=instrument,
            side=side,
            entries=[_entry(prices) for prices in entry],
            conversion_rates=dict(_rate(one) for one in rate or ()),
            on_insufficient_margin="shrink" if shrink else "reject",
        )
        status = asyncio.run(_ask(request, timeout_s=timeout, release=release, as_json=as_json))
    if status:
        raise typer.Exit(status)


async def _ask(request: SizingRequest, *, timeout_s: float, release: bool, as_json: bool) -> int:
    """Ask, tell, release, in this order: whatever becomes of the release, an approval was seen. The exit status."""
    from shared.cli.clients import named_by, requesting_url  # noqa: PLC0415 - aio-pika takes its time to load
    from shared.client import SizingClient, UnreadableReplyError  # noqa: PLC0415

    url, variable = requesting_url()
    with named_by(variable):
        async with SizingClient(url, name="lotwise size") as client:
            try:
                decision = await client.size(request, timeout_s=timeout_s)
            except UnreadableReplyError as error:
                raise DeploymentError(f"command and sizing workers are of different releases: {error}") from None
            _tell(decision, as_json=as_json)
            if decision.status == "approved" and release:
                return await _release(client, decision, timeout_s=timeout_s, as_json=as_json)
    return STATUS_OF[decision.status]


async def _release(client: SizingClient, decision: SizingDecision, *, timeout_s: float, as_json: bool) -> int:
    try:
        await client.report(_cancelled(decision), timeout_s=timeout_s)
    except DependencyError as error:
        until = short_time(decision.reservation_expires_at)
        complain(f"lotwise: the margin stays reserved until {until}, for its release was not confirmed: {error}")
        return EXIT_UNAVAILABLE
    if not as_json:
        say("its margin was given back: it may not be acted upon any more")
    return STATUS_OF["approved"]


def _cancelled(decision: SizingDecision) -> SizingOutcome:
    from shared.schemas.sizing import SizingOutcome  # noqa: PLC0415

    document = {"request_id": decision.request_id, "outcome": "cancelled", "occurred_at": datetime.now(UTC)}
    return SizingOutcome.model_validate(document)


def _tell(decision: SizingDecision, *, as_json: bool) -> None:
    from shared.cli.decision import show_decision  # noqa: PLC0415

    if as_json:
        say_json(json.loads(decision.to_json()))
    else:
        show_decision(decision)


def _request(**fields: Any) -> SizingRequest:
    """The request. Raises typer.BadParameter that names the first option that is wrong, and every fault of it."""
    from pydantic import ValidationError  # noqa: PLC0415

    from shared.schemas.reasons import field_errors  # noqa: PLC0415
    from shared.schemas.sizing import SizingRequest  # noqa: PLC0415 - every model takes its time to be made

    try:
        return SizingRequest.model_validate(fields)
    except ValidationError as error:
        faults = field_errors(error)
        name = (faults[0].field or "").partition(".")[0]
        message = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
        raise typer.BadParameter(message, param_hint=OPTION_OF.get(name, name)) from None


def _entry(prices: str) -> dict[str, str]:
    parts: Sequence[str] = prices.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        message = f"{prices!r} must be ENTRY/STOP or ENTRY/STOP/TAKE-PROFIT, such as 1950/1945/1965"
        raise typer.BadParameter(message, param_hint="--entry")
    return dict(zip(("entry_price", "stop_loss", "take_profit"), parts, strict=False))


def _rate(text: str) -> tuple[str, str]:
    if not (parts := _RATE.fullmatch(text)):
        raise typer.BadParameter(f"{text!r} must be PAIR=RATE, such as GBPUSD=1.27", param_hint="--rate")
    return parts[1], parts[2]
