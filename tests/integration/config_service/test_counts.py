"""What became of commands and of planned changes is counted, and so are announcements that nobody had room for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from dev.stack.workspace import VirtualHost
from dev.waiting import eventually
from services.config_service.clock import ScheduleClock
from services.config_service.handler import CommandHandler
from services.config_service.workers import Workers
from shared.messaging.publisher import Publisher
from shared.schemas.config import ConfigCommand, WorkerState
from shared.tokens import TokenVerifier
from tests.application import TOKENS, application, bearer
from tests.counting import Counted
from tests.integration.config_service.dials import GRACE_S, Dial, command, plan
from tests.integration.deliveries import delivered, unread
from tests.integration.messaging.place import background, settings

CONFIG = "/api/v1/risk/config"


async def test_commands_by_message_are_counted_by_what_became_of_them(dial: Dial) -> None:
    handler, token = CommandHandler(dial.changes, tokens=TokenVerifier(TOKENS)), bearer()["Authorization"]
    commands = Counted("lotwise_config_commands_total")

    await handler(
        [
            delivered(ConfigCommand(command()), authorization=token),
            delivered(ConfigCommand(command(expected_version=9)), authorization=token),
            delivered(ConfigCommand(plan()), authorization=None),
            unread("config.command.v1", b'{"command": "made_up"}'),
        ]
    )

    assert commands.by("via", "command", "code") == {
        ("amqp", "set_risk_percent", ""): 1,
        ("amqp", "set_risk_percent", "version_conflict"): 1,
        ("amqp", "schedule_risk_percent", "unauthorized"): 1,
        ("amqp", "unknown", "invalid_message"): 1,
    }


async def test_commands_over_http_are_counted_by_what_became_of_them(own_database: AsyncEngine) -> None:
    commands = Counted("lotwise_config_commands_total")
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    transport = httpx.ASGITransport(application(own_database))
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=bearer()) as client:
        await client.post(CONFIG, json={"new_risk_percent": "2.5"})
        await client.post(CONFIG, json={"new_risk_percent": "99"})
        await client.post(f"{CONFIG}/schedules", json={"new_risk_percent": "2", "effective_at": in_an_hour})

    assert commands.by("via", "command", "code") == {
        ("http", "set_risk_percent", ""): 1,
        ("http", "set_risk_percent", "out_of_range"): 1,
        ("http", "schedule_risk_percent", ""): 1,
    }


async def test_planned_changes_that_came_due_are_counted_as_applied_or_missed(
    dial: Dial, virtual_host: VirtualHost
) -> None:
    ended = Counted("lotwise_config_schedules_ended_total")
    publisher = Publisher(settings(virtual_host.role_urls["config-service"]), name="test")
    await dial.plan(plan(ahead_s=60))
    await dial.let_pass(60 + GRACE_S + 1)
    await dial.plan(plan(ahead_s=60))
    await dial.plan(plan(ahead_s=60))
    await dial.let_pass(61)

    async def all_ended() -> bool:
        return ended.by("state") == {("missed",): 1, ("applied",): 2}

    async with background(publisher.run(), ScheduleClock(dial.changes, publisher, grace_s=GRACE_S).run()):
        await eventually(all_ended)


async def test_an_announcement_that_the_roster_does_not_take_is_counted(dial: Dial) -> None:
    workers, ignored = Workers(dial.changes), Counted("lotwise_worker_announcements_ignored_total")
    good = WorkerState(instance="w-1", service="sizing_worker", config_version=1, at=datetime.now(UTC))

    workers.hear(good)
    workers.hear(good.model_copy(update={"instance": "w" * 1000}))

    assert ignored.total() == 1
