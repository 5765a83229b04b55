"""`lotwise doctor`: everything is asked side by side, each wait bounded; what cannot be reached is a finding too."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field, SecretStr
from rich.table import Table

from shared.cli.doctor.finding import Finding, exit_status, fail, ok, unknown
from shared.cli.terminal import clear_failures, say, show
from shared.cli.topology import TopologySettings
from shared.errors import DependencyError, DeploymentError
from shared.settings import Settings, load

if TYPE_CHECKING:
    from shared.database.roles import RoleSettings


class LimitSettings(Settings):
    """What the services were told that the database's content is judged by."""

    freshness_seconds: Annotated[int, Field(gt=0)] = 300
    sync_log_days: Annotated[int, Field(ge=0)] = 90


PART_TIMEOUT_S = 20.0
"""The longest that broker or database are asked; a healthy one answers in two seconds."""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
) -> None:
    """Check what Lotwise runs on, and say what to do about what is not as it should be. Changes nothing.

    Broker, topology, permissions, workers, parked messages, database, migrations, grants, partitions, configuration,
    clocks, certificates. Reads LOTWISE_AMQP_URL, LOTWISE_RABBITMQ_API_URL (of an administrator) and
    LOTWISE_DATABASE_URL as the other commands do, LOTWISE_DATABASE_ROLE_PREFIX, LOTWISE_DATABASE_ROLE_CONNECTIONS;
    LOTWISE_FRESHNESS_SECONDS and LOTWISE_SYNC_LOG_DAYS as the services have them; and
    LOTWISE_HTTP_URL with LOTWISE_OWNER_TOKEN or LOTWISE_USER_TOKEN, where given, for who runs which configuration.
    Looking at parked messages counts as a delivery of each. Exit status: 0 nothing failed, 1 something did, 2 nothing
    did, but something could not be checked.
    """
    from shared.database.roles import RoleSettings  # noqa: PLC0415 - SQLAlchemy takes a second to load

    with clear_failures():
        broker, database, limits = load(TopologySettings), load(RoleSettings), load(LimitSettings)
    findings = asyncio.run(_examine(broker, database, limits))
    if as_json:
        say(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        _show(findings)
    raise typer.Exit(exit_status(findings))


async def _examine(broker: TopologySettings, database: RoleSettings, limits: LimitSettings) -> list[Finding]:
    from shared.cli.doctor.outside import check_certificates, check_workers  # noqa: PLC0415 - reads certificates

    urls = {
        "the broker": broker.amqp_url,
        "the management API": broker.api_url,
        "config_service": SecretStr(os.environ.get("LOTWISE_HTTP_URL", "")),
    }
    parts = await asyncio.gather(
        _bounded("broker", "start it, or mend LOTWISE_AMQP_URL", lambda: _amqp(broker)),
        _bounded(
            "management API",
            "mend LOTWISE_RABBITMQ_API_URL; its user must be an administrator",
            lambda: _management(broker),
        ),
        _bounded("database", "start it, or mend LOTWISE_DATABASE_URL", lambda: _database(database, limits)),
        asyncio.to_thread(lambda: list(check_workers())),
        asyncio.to_thread(
            lambda: list(check_certificates({name: url.get_secret_value() for name, url in urls.items()}))
        ),
    )
    return [finding for part in parts for finding in part]


async def _bounded(check: str, advice: str, part: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        async with asyncio.timeout(PART_TIMEOUT_S):
            return await part()
    except (DependencyError, DeploymentError) as error:
        found = str(error)
    except TimeoutError:
        found = f"no answer within {PART_TIMEOUT_S:.0f} s"
    # Without the management API nothing has failed that we know of; without the others nothing works.
    return [(unknown if check == "management API" else fail)(check, found, advice)]


async def _amqp(settings: TopologySettings) -> list[Finding]:
    from shared.cli.doctor.broker import judge_consumers, judge_parked  # noqa: PLC0415
    from shared.cli.doctor.broker_facts import ask_consumers, ask_parked  # noqa: PLC0415
    from shared.messaging.link import refuse_bad_credentials  # noqa: PLC0415

    await refuse_bad_credentials(settings)
    return [
        ok("broker", f"answers in virtual host {settings.virtual_host}"),
        *judge_consumers(await ask_consumers(settings)),
        *judge_parked(await ask_parked(settings)),
    ]


async def _management(settings: TopologySettings) -> list[Finding]:
    from shared.cli.doctor.broker import judge_broker  # noqa: PLC0415
    from shared.cli.doctor.broker_facts import ask_management  # noqa: PLC0415

    return list(judge_broker(await asyncio.to_thread(ask_management, settings)))


async def _database(settings: RoleSettings, limits: LimitSettings) -> list[Finding]:
    from shared.cli.doctor.database import judge_content, judge_database, judge_roles  # noqa: PLC0415
    from shared.cli.doctor.database_facts import ask_content, ask_database  # noqa: PLC0415
    from shared.cli.role_making import operator_transaction, plan_of  # noqa: PLC0415
    from shared.database.roles import role_differences  # noqa: PLC0415
    from shared.database.transaction import HEAD_MIGRATION  # noqa: PLC0415

    async with operator_transaction(settings) as connection:
        facts = await ask_database(connection)
        findings = list(judge_database(facts, HEAD_MIGRATION))
        if facts.migration is None:
            return findings
        findings.append(judge_roles(await role_differences(connection, plan_of(settings))))
        content = await ask_content(connection, freshness_s=limits.freshness_seconds)
        return findings + list(judge_content(content, sync_log_days=limits.sync_log_days))


def _show(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("", "check", "found, and what to do"):
        table.add_column(title)
    for finding in findings:
        table.add_row(finding.status, finding.check, finding.found)
        if finding.advice:
            table.add_row("", "", f"→ {finding.advice}")
    show(table)
