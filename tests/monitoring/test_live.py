"""A real Prometheus scrapes the real services under traffic: every panel, and every alert, has something to look at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.ports import LOOPBACK
from dev.servers.prometheus import Prometheus
from dev.waiting import eventually
from shared.client.envelope import outcome_message, request_message, snapshot_message
from shared.client.session import broker_settings
from shared.database.engine import asyncpg_url
from shared.messaging.publisher import Outgoing, Publisher
from shared.messaging.topology import ACCOUNTS, KEY_SNAPSHOT
from shared.tokens import TokenSettings, issue_token
from tests import builders
from tests.faults.system import SETTINGS, System, nodes, under_traffic
from tests.integration.messaging.deaf import SwallowingProxy
from tests.integration.messaging.place import background
from tests.monitoring.dashboard import RULES, annotation_queries, panel_queries, rule_queries, selectors

pytestmark = [pytest.mark.promtool, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

SEEN_WITHIN_S = 60.0
NOBODY = f"json://{LOOPBACK}:9/"
"""A channel to people behind which nobody is: what is told of fails, and is counted."""
CONFIG_PATH = "/api/v1/risk/config"
STRANGERS = 130
"""So many without a token from one address in a minute are more than are answered 401."""

PREFETCH = 20
BASELINE = 0.001
LOOK_S = 0.5
TERMINATE = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND usename <> current_user"
)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A whole Lotwise on a broker and a database of its own, but for who keeps the accounts."""
    with nodes(tmp_path_factory.mktemp("system"), durable=False) as made:
        made.launch_all({"sizing_worker": 2, "config_service": 1}, LOTWISE_NOTIFY_URLS=NOBODY)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus(system: System, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """One that scrapes them every second, while people are at work."""
    folder = tmp_path_factory.mktemp("prometheus")
    running = Prometheus(folder, system.ledger)
    async with a_consumer_that_stalls(system):
        (folder / "prometheus.yml").write_text(configuration(system), encoding="utf-8")
        running.remember(before(datetime.now(UTC)))
        running.start()
        async with under_traffic(system), background(somebody_looks(system)):
            await something_of_everything_happens(system)
            await sessions_end(system, running)
            yield running
        running.stop()


@asynccontextmanager
async def a_consumer_that_stalls(system: System) -> AsyncIterator[None]:
    """The one who keeps the accounts: all that it may hold at a time is lost on the way to it at first."""
    async with SwallowingProxy(system.workspace.virtual_host.role_urls["sync-consumer"], swallow=PREFETCH) as proxy:
        settings = {"LOTWISE_PREFETCH": str(PREFETCH), "LOTWISE_STALL_CHECK_SECONDS": "1"}
        process = system.launch("sync_consumer", LOTWISE_AMQP_URL=proxy.url, **settings)
        await asyncio.to_thread(process.wait_ready)
        yield


def before(now: datetime) -> str:
    """What Prometheus would know if it had run for long: the requests of a week ago, and another risk percent."""
    minutes = [now - timedelta(minutes=minute) for minute in range(20, 5, -1)]
    a_week_ago = [now - timedelta(hours=167, minutes=minute) for minute in range(120, -30, -10)]
    return "\n".join(
        [
            "# TYPE lotwise_risk_percent gauge",
            *(f"lotwise_risk_percent 9 {at.timestamp():.0f}" for at in minutes),
            "# TYPE lotwise:sizing_requests:rate10m gauge",
            *(f"lotwise:sizing_requests:rate10m {BASELINE} {at.timestamp():.0f}" for at in a_week_ago),
            "# EOF\n",
        ]
    )


def configuration(system: System) -> str:
    """deploy/prometheus/prometheus.yml, in a hurry, with this system's addresses for the names in compose."""
    given = yaml.safe_load((RULES.parent / "prometheus.yml").read_text(encoding="utf-8"))
    given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    given["rule_files"] = [str(RULES)]
    addresses = {"rabbitmq": [f"{LOOPBACK}:{system.broker.metrics_port}"]}
    for process in system.services:
        addresses.setdefault(process.service, []).append(process.admin_url.removeprefix("http://"))
    for job in given["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": addresses.pop(job["job_name"])}]
    assert not addresses, "a service is not scraped"
    return str(yaml.safe_dump(given))


def http(system: System, **headers: str) -> httpx.AsyncClient:
    """Somebody who calls the one config service."""
    (service,) = system.of("config_service")
    return httpx.AsyncClient(trust_env=False, base_url=service.http_url, headers=headers)


def owner(system: System) -> httpx.AsyncClient:
    """The owner."""
    settings = TokenSettings(jwt_secret=SETTINGS["LOTWISE_JWT_SECRET"])
    token = issue_token(settings, user="owner-1", role="owner", lifetime_s=600)
    return http(system, Authorization=f"Bearer {token}")


async def somebody_looks(system: System) -> None:
    """As a page that is open does, until cancelled."""
    async with owner(system) as client:
        while True:
            await client.get(CONFIG_PATH)
            await asyncio.sleep(LOOK_S)


async def turn_the_dial(system: System, percent: str) -> None:
    """The owner does, over HTTP."""
    async with owner(system) as client:
        (await client.post(CONFIG_PATH, json={"new_risk_percent": percent})).raise_for_status()


async def something_of_everything_happens(system: System) -> None:
    """The dial is turned, and a plan comes due; strangers knock; a snapshot comes twice; one cannot be read and is
    parked; a setup is executed; who asked for a size is gone when the reply comes."""
    await turn_the_dial(system, "2.5")
    async with owner(system) as client:
        soon = datetime.now(UTC) + timedelta(seconds=2)
        plan = {"new_risk_percent": "2.5", "effective_at": soon.isoformat()}
        (await client.post(f"{CONFIG_PATH}/schedules", json=plan)).raise_for_status()
    async with http(system) as stranger:
        for _ in range(STRANGERS):
            await stranger.get(CONFIG_PATH)
    urls = system.workspace.virtual_host.role_urls
    bridge = Publisher(broker_settings(urls["ea-bridge"]), name="bridge of the test")
    engine = Publisher(broker_settings(urls["signal-engine"]), name="engine of the test")
    gone = f"lotwise.reply.{urlsplit(urls['signal-engine']).username}.gone"
    async with background(bridge.run(), engine.run()):
        snapshot = snapshot_message(builders.snapshot(user_id="u-900", login=900))
        for message in (snapshot, snapshot, Outgoing(ACCOUNTS, KEY_SNAPSHOT, b"{}", "account.snapshot.v1")):
            await bridge.publish(message)
        await engine.publish(outcome_message(builders.outcome(uuid4(), "executed")))
        await engine.publish(replace(request_message(builders.request(user_id="u-900")), reply_to=gone))


async def sessions_end(system: System, prometheus: Prometheus) -> None:
    """The database ends those of the services, until one had work in it."""
    database = create_async_engine(
        asyncpg_url(system.workspace.database_url), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with database.connect() as connection:

        async def look() -> list[dict[str, Any]]:
            await connection.execute(TERMINATE)
            return prometheus.query("lotwise_batch_faults_total")

        await eventually(look, timeout_s=SEEN_WITHIN_S)
    await database.dispose()


async def found(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    """What an expression gives, as soon as it gives any number."""

    async def look() -> list[dict[str, Any]]:
        return [sample for sample in prometheus.query(expression) if isfinite(float(sample["value"][1]))]

    return await eventually(look, timeout_s=SEEN_WITHIN_S)


async def test_every_process_and_the_broker_are_scraped(prometheus: Prometheus, system: System) -> None:
    async def all_up() -> bool:
        targets = prometheus.ask("targets")["activeTargets"]
        return len(targets) == len(system.services) + 1 and {target["health"] for target in targets} == {"up"}

    await eventually(all_up, timeout_s=SEEN_WITHIN_S)


@pytest.mark.parametrize("query", sorted(panel_queries()))
async def test_a_panel_has_something_to_show(prometheus: Prometheus, query: str) -> None:
    assert await found(prometheus, panel_queries()[query])


async def test_the_baseline_is_of_the_same_hours_a_week_ago(prometheus: Prometheus) -> None:
    (shown,) = await found(prometheus, panel_queries()["Sizing requests B"])

    assert float(shown["value"][1]) == pytest.approx(2 * BASELINE)


async def test_an_alert_that_fires_is_counted(prometheus: Prometheus) -> None:
    """The turned dial's does, for ten minutes."""
    assert await found(prometheus, f"({panel_queries()['Alerts firing A']}) > 0")


@pytest.mark.parametrize("query", annotation_queries())
async def test_the_turned_dial_is_marked(prometheus: Prometheus, system: System, query: str) -> None:
    # Marks are looked for every 15 s: one look must have come before.
    await found(prometheus, "count_over_time(max(lotwise_risk_percent == 2.5)[2m:15s])")

    await turn_the_dial(system, "1.5")

    assert await found(prometheus, query)


@pytest.mark.parametrize("rule", rule_queries())
async def test_a_rule_asks_for_what_there_is(prometheus: Prometheus, rule: str) -> None:
    expression = rule_queries()[rule]

    prometheus.query(expression)
    for selector in selectors(expression):
        assert await found(prometheus, selector)


async def test_the_rules_are_evaluated_without_an_error(prometheus: Prometheus) -> None:
    async def evaluated() -> bool:
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: (rule["health"], rule.get("lastError", "")) for rule in rules} == dict.fromkeys(
            rule_queries(), ("ok", "")
        )

    await eventually(evaluated)


async def test_the_parked_message_raises_its_alert(prometheus: Prometheus) -> None:
    async def pending() -> list[str]:
        alerts = prometheus.ask("alerts")["alerts"]
        return [
            alert["annotations"]["description"]
            for alert in alerts
            if alert["labels"]["alertname"] == "LotwiseMessagesParked"
        ]

    assert await eventually(pending) == ["1 in lotwise.accounts.dead."]
