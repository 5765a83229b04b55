"""`lotwise dead`: what is parked is seen, put back to work once, or removed, and nothing is lost on the way."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.waiting import eventually
from shared.cli.terminal import EXIT_UNAVAILABLE
from shared.messaging.link import BrokerSettings
from shared.messaging.looking import look_through
from shared.messaging.outcomes import Park
from shared.messaging.topology import (
    ACCOUNTS,
    CONFIG,
    DEAD,
    RETRY,
    SIZING,
    WORK_DELIVERY_LIMIT,
    parked_name,
    retry_name,
)
from tests import builders
from tests.desk import worker
from tests.integration.cli.parking import Bench
from tests.integration.messaging.place import Place, Recorder, consuming, settings

USAGE = 2
OUTCOME = {"request_id": "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10", "outcome": "failed"}


def request() -> dict[str, Any]:
    return builders.request_document(user_id="u-1")


async def actions(database: AsyncEngine) -> list[tuple[Any, ...]]:
    """What is kept of the operator's doing."""
    async with database.connect() as connection:
        rows = await connection.execute(
            text("SELECT operator, action, queue, message_id, parked_reason, outcome FROM operator_actions ORDER BY id")
        )
        return [tuple(row) for row in rows]


async def killed_by_deliveries(place: Place, queue: str) -> None:
    """Take the head of a queue and fall dead, until the broker has parked it."""
    for _ in range(WORK_DELIVERY_LIMIT + 1):
        crashing = await place.sender("operator")
        waiting = await crashing.channel.get_queue(queue, ensure=False)

        async def look(waiting: Any = waiting) -> Any:
            return await waiting.get(no_ack=False, fail=False)

        await eventually(look)
        await crashing.channel.close()


async def test_the_list_tells_what_is_parked_and_leaves_it_there(bench: Bench) -> None:
    message_id = await bench.park(request(), name="sizing.request.v1", headers={"x-lotwise-user-id": "engine-1"})

    first, second = await bench.listed(), await bench.listed()

    assert first == second
    (one,) = first
    assert (one["queue"], one["message_id"], one["type"]) == (SIZING, message_id, "sizing.request.v1")
    assert (one["reason"], one["detail"], one["user"]) == ("internal_error", "failed 4 times", "engine-1")


async def test_the_list_for_people_counts_by_reason(bench: Bench) -> None:
    await bench.park(request(), name="sizing.request.v1")
    await bench.park(request(), name="sizing.request.v1")

    result = await bench.dead("list", "--queue", "sizing")

    assert "2 × internal_error in lotwise.sizing" in result.stdout
    assert result.stdout.count("sizing.request.v1") == 2


async def test_a_filter_finds_a_message_behind_more_than_one_window(bench: Bench) -> None:
    worker = await bench.place.sender("sizing-worker")
    for number in range(450):
        await worker.send(b"{}", exchange=DEAD, key=SIZING, name="noise", headers={"n": number})
    wanted = await bench.park(request(), name="sizing.request.v1")

    found = await bench.listed("--queue", "sizing", "--type", "sizing.request.v1")

    assert [one["message_id"] for one in found] == [wanted]
    assert len(await bench.listed("--queue", "sizing")) == 451


async def test_two_who_look_at_once_do_not_hide_messages_from_each_other(bench: Bench) -> None:
    await bench.park(request(), name="sizing.request.v1")
    operator: BrokerSettings = settings(bench.place.virtual_host.amqp_url)

    async with look_through(operator, SIZING):
        result = await bench.dead("list", "--queue", "sizing")

    assert result.exit_code == EXIT_UNAVAILABLE
    assert "somebody else looks through lotwise.sizing.dead" in result.stderr
    assert len(await bench.listed()) == 1


async def test_show_tells_the_whole_message_but_no_token_and_no_escape_sequence(bench: Bench) -> None:
    message_id = await bench.park(
        b'{"a":1e400,"a":"\x1b[2J\xe2\x80\xae","deep":{"b":[]}}',
        queue=CONFIG,
        role="config-service",
        name="config.command.v1\x1b]0;owned\x07",
        headers={"authorization": "Bearer secret", "x-odd": "\x1b[31m"},
    )

    result = await bench.dead("show", message_id)

    assert result.exit_code == 0
    assert "secret" not in result.output
    assert not {"\x1b", "\x07", "\u202e"} & set(result.output)
    assert '"a": 1e400,' in result.stdout
    assert "x-odd: \\u001b[31m" in result.stdout


async def test_show_of_an_id_that_is_not_parked_says_so(bench: Bench) -> None:
    result = await bench.dead("show", "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10")

    assert (result.exit_code, result.stderr) == (1, "lotwise: no message of this id is parked\n")


async def test_a_replayed_message_keeps_what_names_it_and_sheds_what_the_broker_acts_upon(bench: Bench) -> None:
    message_id = await bench.park(
        request(),
        name="sizing.request.v1",
        correlation_id="c-1",
        reply_to="lotwise.reply.engine-1.x",
        headers={"traceparent": "00-a", "x-lotwise-user-id": "engine-1", "CC": [], "x-lotwise-attempt": 3},
    )
    (parked,) = await bench.listed()

    result = await bench.dead("replay", "--queue", "sizing")

    assert (result.exit_code, result.stdout) == (0, "1 replayed\n")
    copy = await bench.place.take(SIZING)
    assert (copy.message_id, copy.type, copy.correlation_id) == (message_id, "sizing.request.v1", "c-1")
    assert copy.timestamp is not None
    assert copy.timestamp.isoformat().replace("+00:00", "Z") == parked["sent_at"]
    assert {name: value for name, value in copy.headers.items() if name != "x-delivery-count"} == {
        "traceparent": "00-a",
        "x-lotwise-user-id": "engine-1",
    }
    assert copy.reply_to is None
    assert copy.delivery_mode == 2
    assert await bench.listed() == []


async def test_one_that_died_by_the_delivery_limit_on_the_retry_path_arrives_when_replayed(bench: Bench) -> None:
    place = bench.place
    service = await place.sender("sizing-worker")
    message_id = await service.send(
        request(), exchange=RETRY, key=retry_name(SIZING, 1), name="sizing.request.v1", headers={"x-lotwise-attempt": 1}
    )
    await killed_by_deliveries(place, SIZING)

    async def parked() -> list[dict[str, Any]]:
        return await bench.listed()

    (one,) = await eventually(parked)
    assert (one["message_id"], one["reason"], one["attempts"]) == (message_id, "delivery_limit", 2)

    await bench.dead("replay", "--queue", "sizing", "--reason", "delivery_limit")

    copy = await place.take(SIZING)
    assert (copy.message_id, "x-death" in copy.headers) == (message_id, False)
    # And through the retry queue once more, where the broker drops what has been around the circle.
    headers = {name: value for name, value in copy.headers.items() if isinstance(value, str)}
    await service.send(copy.body, exchange=RETRY, key=retry_name(SIZING, 1), message_id=message_id, headers=headers)
    assert (await place.take(SIZING)).message_id == message_id


async def test_a_message_that_is_replayed_twice_has_its_effect_once(bench: Bench, database: AsyncEngine) -> None:
    body = request()
    handler = worker(database)
    for _ in range(2):
        await bench.park(body, name="sizing.request.v1", message_id="8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10")
        await bench.dead("replay", "--queue", "sizing")

    seen = 0

    async def handle(deliveries: Any) -> Any:
        nonlocal seen
        outcomes = await handler(deliveries)
        seen += len(deliveries)
        return outcomes

    async with consuming(bench.place, handle, queue=SIZING, role="sizing-worker"):

        async def both() -> bool:
            return seen == 2

        await eventually(both)

    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM trade_setup_risk_logs"))).scalar() == 1


async def test_a_replay_that_is_killed_before_it_acknowledges_has_lost_nothing(
    bench: Bench, database: AsyncEngine
) -> None:
    message_id = await bench.park(request(), name="sizing.request.v1")
    async with database.begin() as blocking:  # holds the audit up, which stands between confirmation and acknowledgment
        await blocking.execute(text("LOCK TABLE operator_actions IN ACCESS EXCLUSIVE MODE"))
        process = await bench.process("replay", "--queue", "sizing")
        copy = await bench.place.take(SIZING, timeout_s=30)
        process.kill()
        await process.wait()

    assert copy.message_id == message_id

    async def parked_still() -> list[dict[str, Any]]:
        return await bench.listed()

    assert [one["message_id"] for one in await eventually(parked_still)] == [message_id]
    assert await actions(database) == []


async def test_what_is_refused_again_while_it_is_replayed_is_not_replayed_for_ever(bench: Bench) -> None:
    await bench.park(b"not json", name="sizing.request.v1")
    recorder = Recorder()

    async def refuse(deliveries: Any) -> Any:
        await recorder(deliveries)
        return [Park("invalid_message") for _ in deliveries]

    async with consuming(bench.place, refuse, queue=SIZING, role="sizing-worker"):
        result = await bench.dead("replay", "--queue", "sizing")

    assert result.stdout.endswith("1 replayed\n")
    assert len(recorder.deliveries) == 1
    assert len(await bench.listed()) == 1


async def test_a_dry_run_changes_nothing(bench: Bench, database: AsyncEngine) -> None:
    await bench.park(request(), name="sizing.request.v1")

    replay = await bench.dead("replay", "--queue", "sizing", "--dry-run")
    purge = await bench.dead("purge", "--queue", "sizing", "--dry-run")

    assert (replay.stdout, purge.stdout) == ("1 would be replayed\n", "1 would be purged\n")
    assert len(await bench.listed()) == 1
    assert await bench.place.is_empty(SIZING)
    assert await actions(database) == []


async def test_a_purge_removes_what_is_meant_and_keeps_who_did_it(bench: Bench, database: AsyncEngine) -> None:
    gone = await bench.park(request(), name="sizing.request.v1")
    stays = await bench.park(OUTCOME, name="sizing.outcome.v1")

    result = await bench.dead("purge", "--queue", "sizing", "--message-id", gone, "--yes", "--by", "olga")

    assert (result.exit_code, result.stdout) == (0, "1 purged\n")
    assert [one["message_id"] for one in await bench.listed()] == [stays]
    assert await actions(database) == [("olga", "purge", SIZING, gone, "internal_error", "purged")]
    assert json.loads(result.stderr)["event"] == "operator.purge"


async def test_a_purge_without_a_terminal_and_without_yes_is_refused(bench: Bench) -> None:
    await bench.park(request(), name="sizing.request.v1")

    result = await bench.dead("purge", "--queue", "sizing")

    assert result.exit_code == USAGE
    assert len(await bench.listed()) == 1


async def test_a_command_for_the_configuration_is_never_replayed(bench: Bench) -> None:
    await bench.park(b"{}", queue=CONFIG, role="config-service", name="config.command.v1")

    result = await bench.dead("replay", "--queue", "config")

    assert result.exit_code == USAGE
    assert "configuration is never replayed" in " ".join(result.stderr.replace("│", "").split())
    assert len(await bench.listed("--queue", "config")) == 1


async def test_the_limit_bounds_what_is_replayed(bench: Bench) -> None:
    for _ in range(3):
        await bench.park(request(), name="sizing.request.v1")

    result = await bench.dead("replay", "--queue", "sizing", "--limit", "2")

    assert result.stdout == "2 replayed\n"
    assert len(await bench.listed()) == 1


async def test_a_missing_parked_queue_is_named(bench: Bench) -> None:
    channel = await bench.place.operator()
    await channel.queue_delete(parked_name(ACCOUNTS))

    result = await bench.dead("list", "--queue", "accounts")

    assert result.exit_code == 78
    assert "lotwise.accounts.dead cannot be looked at" in result.stderr
