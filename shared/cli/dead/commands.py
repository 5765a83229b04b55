"""The four commands of `lotwise dead`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Literal

import typer

from shared.cli.account import login
from shared.cli.dead.acting import Order, Tally, act, find
from shared.cli.dead.filters import Filter, moment
from shared.cli.dead.showing import by_reason, document, lines, summary, table
from shared.cli.terminal import EXIT_DIFFERENT, clear_failures, complain, confirm, say, show
from shared.messaging.link import BrokerSettings
from shared.messaging.topology import ACCOUNTS, CONFIG, RETRIED_QUEUES, SIZING
from shared.settings import load

QUEUES = {"accounts": ACCOUNTS, "sizing": SIZING, "config": CONFIG}
QueueName = Literal["accounts", "sizing", "config"]

Of = Annotated[QueueName | None, typer.Option("--queue", help="Of this queue alone; of all if left out.")]
Reason = Annotated[str | None, typer.Option(help="Parked for this reason, such as invalid_message or delivery_limit.")]
Type = Annotated[str | None, typer.Option("--type", help="Of this type, such as sizing.outcome.v1.")]
User = Annotated[str | None, typer.Option(help="Sent by this broker user.")]
MessageId = Annotated[str | None, typer.Option(help="The one of this message id.")]
Since = Annotated[str | None, typer.Option(help="From this time on: RFC 3339, or how long ago, such as 24h or 7d.")]
Until = Annotated[str | None, typer.Option(help="Before this time, told as --since is.")]
Limit = Annotated[int | None, typer.Option(min=1, max=50_000, help="At most so many, oldest in the queue first.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say how many it would be.")]
By = Annotated[str | None, typer.Option(help="Who does it; the name you are logged in under if left out.")]

dead = typer.Typer(help="Look at parked messages, put them back to work, or remove them.", no_args_is_help=True)


@dead.command("list", epilog="Example: `lotwise dead list --since 24h`")
def list_parked(
    queue: Of = None,
    reason: Reason = None,
    kind: Type = None,
    user: User = None,
    message_id: MessageId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way to declare a flag
) -> None:
    """List what is parked, and how much of it for which reason.

    The time is when the broker parked a message; where a service did, when it was sent. Reads LOTWISE_AMQP_URL (the
    operator's). Nothing is changed, but each look counts as a delivery, of which a parked message has a million.
    """
    wanted = _filter(reason, kind, user, message_id, since, until)
    with clear_failures():
        found = asyncio.run(find(load(BrokerSettings), _queues(queue), wanted, limit))
    if as_json:
        say(json.dumps([summary(parked) for parked in found], indent=2))
        return
    if found:
        show(table(found))
    for line in by_reason(found) or ["nothing is parked that is meant"]:
        say(line)


@dead.command("show", epilog="Example: `lotwise dead show 0d9f4c3e-7e0b-4d53-9f6e-2b8a4f0c1d11`")
def show_parked(
    message_id: Annotated[str, typer.Argument(help="The message id.")],
    queue: Of = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show the parked messages of one id, whole: properties, headers (never `authorization`), body.

    Control characters are written as their code points. Reads LOTWISE_AMQP_URL. Exit status 1: none is parked.
    """
    with clear_failures():
        found = asyncio.run(find(load(BrokerSettings), _queues(queue), Filter(message_id=message_id), None))
    if not found:
        complain("lotwise: no message of this id is parked")
        raise typer.Exit(EXIT_DIFFERENT)
    if as_json:
        say(json.dumps([document(parked) for parked in found], indent=2))
        return
    for parked in found:
        for line in lines(parked):
            say(line)


@dead.command("replay", epilog="Example: `lotwise dead replay --queue sizing --reason delivery_limit --dry-run`")
def replay_parked(
    queue: Annotated[QueueName, typer.Option("--queue", help="Of this queue.")],
    reason: Reason = None,
    kind: Type = None,
    user: User = None,
    message_id: MessageId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    by: By = None,
    dry_run: DryRun = False,  # noqa: FBT002
) -> None:
    """Put parked messages back into their work queue, as new ones with the same id, type, body and timestamp.

    A sizing request is as old as it was: without an `expires_at` still to come it is answered `request_expired`, as it
    should be, since nobody waits and the prices are others. A snapshot older than the account's is superseded. Nobody
    is replied to: a requester that asks again gets the stored reply. Commands for the configuration are never
    replayed, an old one must not override a newer one.

    Safe to repeat: a message leaves its parked queue only after the broker has confirmed the copy. One that was cut off
    in between comes twice, and has its effect once. Each is told on standard error, and kept in operator_actions where
    LOTWISE_DATABASE_URL is set. Reads LOTWISE_AMQP_URL (the operator's).
    """
    if QUEUES[queue] not in RETRIED_QUEUES:
        message = "a command for the configuration is never replayed: it may be older than the configuration in force;"
        raise typer.BadParameter(f"{message} have the owner send a new one", param_hint="--queue")
    wanted = _filter(reason, kind, user, message_id, since, until)
    with clear_failures():
        order = Order("replay", by or login(), _queues(queue), wanted, limit, dry_run=dry_run)
        _tell(order, asyncio.run(act(load(BrokerSettings), order)))


@dead.command("purge", epilog="Example: `lotwise dead purge --queue accounts --reason invalid_message --dry-run`")
def purge_parked(
    queue: Annotated[QueueName, typer.Option("--queue", help="Of this queue.")],
    reason: Reason = None,
    kind: Type = None,
    user: User = None,
    message_id: MessageId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    by: By = None,
    dry_run: DryRun = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
) -> None:
    """Remove parked messages for ever; asks first, and without a terminal takes --yes.

    Each is told on standard error, and kept in operator_actions where LOTWISE_DATABASE_URL is set, without its body.
    Reads LOTWISE_AMQP_URL (the operator's).
    """
    wanted = _filter(reason, kind, user, message_id, since, until)
    confirm(f"Remove what is parked of {queue} ({wanted}) for ever?", yes=yes or dry_run)
    with clear_failures():
        order = Order("purge", by or login(), _queues(queue), wanted, limit, dry_run=dry_run)
        _tell(order, asyncio.run(act(load(BrokerSettings), order)))


def _tell(order: Order, tally: Tally) -> None:
    would = "would be " if order.dry_run else ""
    say(f"{tally.done} {would}{'replayed' if order.action == 'replay' else 'purged'}")
    if tally.again:
        complain(f"lotwise: {tally.again} came back, or share an id with one that was replayed; they stay parked")


def _queues(queue: QueueName | None) -> tuple[str, ...]:
    return (QUEUES[queue],) if queue else tuple(QUEUES.values())


def _filter(
    reason: str | None, kind: str | None, user: str | None, message_id: str | None, since: str | None, until: str | None
) -> Filter:
    times = {"since": moment(since, option="--since"), "until": moment(until, option="--until")}
    return Filter(reason=reason, type=kind, user=user, message_id=message_id, **times)
