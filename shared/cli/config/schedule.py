"""`lotwise config schedule`: changes of the risk percent that are planned for later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from shared.cli.config.door import SCHEDULES, Door, Refusal
from shared.cli.config.showing import AsJson, refuse, schedules_table
from shared.cli.spans import read_moment
from shared.cli.terminal import clear_failures, confirm, say, say_json, show
from shared.schemas.values import format_time

PAGE_MAX = 200

schedule = typer.Typer(help="Changes of the risk percent that are planned for later.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@schedule.command("list", epilog="Example: `lotwise config schedule list --state planned`")
def list_(
    state: Annotated[
        Literal["planned", "applied", "cancelled", "missed"] | None, typer.Option(help="In this state alone.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX, help="At most so many, last planned first.")] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way to declare a flag
) -> None:
    """List the planned changes and how those that are over ended.

    Reads LOTWISE_HTTP_URL and LOTWISE_OWNER_TOKEN.
    """
    with clear_failures(), Door(owner=True) as door:
        found = door.read(SCHEDULES, limit=limit, state=state)["items"]
        if as_json:
            say_json(found)
        elif found:
            show(schedules_table(found))
        else:
            say("no change is planned" if state in (None, "planned") else f"none is {state}")


@schedule.command("add", epilog='Example: `lotwise config schedule add 1.5 --at 2h --reason "weekend" --yes`')
def add(
    risk_percent: Annotated[str, typer.Argument(help="The risk percent from then on, such as 1.5.")],
    at: Annotated[str, typer.Option(help="From when on: RFC 3339, or in how long, such as 30m or 12h.")],
    reason: Annotated[str | None, typer.Option(help="Why; kept with the change.")] = None,
    yes: Yes = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Plan a change of the risk percent, after showing it and asking.

    Applied within a second of its time, in your name. Exit status 1: refused. Reads LOTWISE_HTTP_URL and
    LOTWISE_OWNER_TOKEN.
    """
    when = _moment(at)
    with clear_failures(), Door(owner=True) as door:
        confirm(f"Plan a risk percent of {risk_percent} % from {when} on?", yes=yes)
        plan = {"new_risk_percent": risk_percent, "effective_at": when, "reason": reason}
        planned = _accepted(door.change("POST", SCHEDULES, plan), "nothing was planned")
        if as_json:
            say_json(planned)
        else:
            say(f"planned: {_told(planned)}, as schedule {planned['schedule_id']}")


@schedule.command(
    "cancel", epilog="Example: `lotwise config schedule cancel bd05f54d-00cf-5e1f-a6df-d4c0a1dcc159 --yes`"
)
def cancel(
    schedule_id: Annotated[UUID, typer.Argument(help="The id that `list` shows.")],
    yes: Yes = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Take a planned change back, after asking.

    Exit status 1: no change of this id is planned. Reads LOTWISE_HTTP_URL and LOTWISE_OWNER_TOKEN.
    """
    with clear_failures(), Door(owner=True) as door:
        confirm(f"Take schedule {schedule_id} back?", yes=yes)
        answer = door.change("DELETE", f"{SCHEDULES}/{schedule_id}")
        cancelled = _accepted(answer, "nothing was cancelled")
        if as_json:
            say_json(cancelled)
        else:
            say(f"cancelled: {_told(cancelled)}")


def _accepted(answer: dict[str, Any] | Refusal, otherwise: str) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        refuse(answer, otherwise)
    return answer


def _told(one: dict[str, Any]) -> str:
    return f"{one['new_risk_percent']} % from {one['effective_at']} on"


def _moment(text: str) -> str:
    """A time, or so long from now, as RFC 3339. Raises typer.BadParameter."""
    try:
        moment = read_moment(text, option="--at")
    except typer.BadParameter:
        moment = None
    if isinstance(moment, timedelta):
        moment = (datetime.now(UTC) + moment).replace(microsecond=0)
    if moment is None:
        message = 'must be a time with its offset, such as "2026-11-28T21:00:00Z", or in how long, such as 30m or 12h'
        raise typer.BadParameter(message, param_hint="--at")
    return format_time(moment)
