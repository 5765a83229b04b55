"""`lotwise config`: the dial, over the real HTTP API on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from dev.servers.ports import LOOPBACK, free_ports
from dev.waiting import eventually
from shared.cli.__main__ import app
from shared.health import serve_http
from shared.tokens import Role, issue_token
from tests.application import TOKENS, application

pytestmark = pytest.mark.usefixtures("quiet_services")

Config = Callable[..., Coroutine[Any, Any, Result]]


def token(role: Role, *, lifetime_s: int = 3600) -> str:
    return issue_token(TOKENS, user=f"{role}-1", role=role, lifetime_s=lifetime_s)


@pytest.fixture
async def config(emptied_database: AsyncEngine) -> AsyncIterator[Config]:
    """`lotwise config …` as the owner, against the API on a port of its own."""
    (port,) = free_ports(1)
    serving = serve_http(application(emptied_database), host=LOOPBACK, port=port, setting="LOTWISE_HTTP_PORT")
    task = asyncio.create_task(serving)

    async def run(*arguments: str, **settings: str | None) -> Result:
        env = {"LOTWISE_HTTP_URL": f"http://{LOOPBACK}:{port}", "LOTWISE_OWNER_TOKEN": token("owner"), **settings}
        return await asyncio.to_thread(CliRunner().invoke, app, ["config", *arguments], env=env)

    async def listens() -> bool:
        return (await run("get")).exit_code == 0

    await eventually(listens)
    yield run
    task.cancel()
    await asyncio.wait([task])


async def in_force(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await config("get", "--json")).stdout)
    return found


async def test_the_configuration_is_shown_with_who_made_it_and_why(config: Config) -> None:
    shown = await config("get")

    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[:4] == ["risk percent 3 %", "entry splits 0.5/0.35/0.15", "margin buffer 20 %", "version 1"]
    assert lines[4].startswith("made by system at 20")


async def test_to_look_a_users_token_will_do(config: Config) -> None:
    as_user = {"LOTWISE_OWNER_TOKEN": None, "LOTWISE_USER_TOKEN": token("user")}

    assert (await config("get", **as_user)).exit_code == 0
    assert (await config("history", **as_user)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--risk-percent", "2.5"), "risk percent 3 % → 2.5 %"),
        (("--entry-splits", "0.6/0.3/0.1"), "entry splits 0.5/0.35/0.15 → 0.6/0.3/0.1"),
        (("--margin-buffer", "25"), "margin buffer 20 % → 25 %"),
    ],
)
async def test_each_value_is_set_and_what_it_was_is_told(config: Config, arguments: tuple[str, ...], told: str) -> None:
    done = await config("set", *arguments, "--reason", "NFP", "--yes")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{told}: configuration 2, by owner-1 at 20")
    assert (await in_force(config))["reason"] == "NFP"


async def test_programs_get_what_was_and_what_is(config: Config) -> None:
    done = json.loads((await config("set", "--risk-percent", "2.50", "--yes", "--json")).stdout)

    assert (done["before"]["fixed_risk_percent"], done["before"]["config_version"]) == ("3", 1)
    assert done["after"] == await in_force(config)


async def test_without_a_terminal_to_ask_at_nothing_is_changed(config: Config) -> None:
    refused = await config("set", "--risk-percent", "2.5")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "there is no terminal to ask at; say --yes" in refused.stderr
    assert (await in_force(config))["config_version"] == 1


async def test_another_version_than_the_expected_one_is_not_changed(config: Config) -> None:
    await config("set", "--risk-percent", "2.5", "--yes")

    refused = await config("set", "--risk-percent", "2", "--expected-version", "1", "--yes")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("lotwise: version_conflict: ")
    assert refused.stderr.endswith("; nothing was changed\n")
    assert (await in_force(config))["fixed_risk_percent"] == "2.5"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--risk-percent", "51"), "out_of_range: new_risk_percent: must be between 0.1 and 50"),
        (
            ("--risk-percent", "much"),
            'invalid_message: new_risk_percent: must be a decimal, as a string such as "1950.25"',
        ),
        (("--entry-splits", "0.6/0.3/0.2"), "out_of_range: entry_splits: "),
    ],
)
async def test_what_the_dial_does_not_take_is_one_line_and_status_1(
    config: Config, arguments: tuple[str, ...], fault: str
) -> None:
    refused = await config("set", *arguments, "--yes")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"lotwise: {fault}")
    assert refused.stderr.endswith("; nothing was changed\n")
    assert refused.stderr.count("\n") == 1


async def test_the_history_tells_what_each_version_changed(config: Config) -> None:
    await config("set", "--risk-percent", "2.5", "--reason", "NFP", "--yes")
    await config("set", "--margin-buffer", "25", "--yes")

    lines = [" ".join(line.split()) for line in (await config("history")).stdout.splitlines()]
    newest = [" ".join(line.split()) for line in (await config("history", "--limit", "1")).stdout.splitlines()]

    assert [line.split(" ", 3)[0] for line in lines] == ["version", "3", "2", "1"]
    assert lines[1].endswith("owner-1 margin buffer 20 % → 25 %")
    assert lines[2].endswith("owner-1 risk percent 3 % → 2.5 % NFP")
    assert newest == lines[:2]
    assert [one["config_version"] for one in json.loads((await config("history", "--json")).stdout)] == [3, 2, 1]


async def test_a_change_is_planned_listed_and_taken_back(config: Config) -> None:
    planned = json.loads(
        (await config("schedule", "add", "1.5", "--at", "2h", "--reason", "weekend", "--yes", "--json")).stdout
    )
    in_two_hours = datetime.now(UTC) + timedelta(hours=2)
    listed = await config("schedule", "list", "--state", "planned")
    cancelled = await config("schedule", "cancel", planned["schedule_id"], "--yes")

    assert abs(datetime.fromisoformat(planned["effective_at"]) - in_two_hours) < timedelta(minutes=1)
    assert f"{planned['schedule_id']}  1.5 %" in listed.stdout
    assert cancelled.stdout == f"cancelled: 1.5 % from {planned['effective_at']} on\n"
    assert (await config("schedule", "list", "--state", "planned")).stdout == "no change is planned\n"
    assert [one["state"] for one in json.loads((await config("schedule", "list", "--json")).stdout)] == ["cancelled"]


async def test_a_plan_that_is_not_there_cannot_be_taken_back(config: Config) -> None:
    refused = await config("schedule", "cancel", "bd05f54d-00cf-5e1f-a6df-d4c0a1dcc159", "--yes")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("lotwise: unknown_schedule: ")
    assert refused.stderr.endswith("; nothing was cancelled\n")


@pytest.mark.parametrize(
    ("settings", "status", "start"),
    [
        ({"LOTWISE_OWNER_TOKEN": "eyJ.not.one"}, 78, "LOTWISE_OWNER_TOKEN: config_service does not believe this token"),
        ({"LOTWISE_OWNER_TOKEN": "two words"}, 78, "LOTWISE_OWNER_TOKEN: is no token"),
        ({"LOTWISE_OWNER_TOKEN": token("user")}, 78, "LOTWISE_OWNER_TOKEN: only the owner may do this"),
        ({"LOTWISE_HTTP_URL": f"http://{LOOPBACK}:9"}, 69, "LOTWISE_HTTP_URL: config_service cannot be reached: "),
        ({"LOTWISE_HTTP_URL": "somewhere"}, 78, "LOTWISE_HTTP_URL: must be a URL that starts with http://"),
    ],
)
async def test_a_setting_that_does_not_serve_is_named(
    config: Config, settings: dict[str, str], status: int, start: str
) -> None:
    refused = await config("set", "--risk-percent", "2", "--yes", **settings)

    assert (refused.exit_code, refused.stdout) == (status, "")
    assert refused.stderr.startswith(f"lotwise: {start}")
    assert refused.stderr.count("\n") == 1


async def test_what_is_not_the_api_is_said_to_be_none(config: Config) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        refused = await config("get", LOTWISE_HTTP_URL=f"http://{LOOPBACK}:{port}")

    assert (refused.exit_code, refused.stdout) == (78, "")
    assert refused.stderr == "lotwise: LOTWISE_HTTP_URL: no answer of config_service: status 200\n"
