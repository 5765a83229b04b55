"""Whatever is sent to the API, it answers as its OpenAPI document says, and never with a bug.

`pytest --hypothesis-profile=thorough tests/integration/config_service/test_fuzz.py` looks ten times as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dev.servers.provider import Servers
from dev.stack.processes import ServiceProcess
from dev.stack.workspace import Workspace
from services.config_service.http.app import OPENAPI_PATH
from shared.database.engine import asyncpg_url
from tests.application import JWT_SECRET, application, bearer, unreachable_engine
from tests.desk import USER, Desk
from tests.integration.config_service.rows import make_accounts, make_decisions

OWNER, A_USER = bearer("owner"), bearer("user", user=USER)
EXAMPLES = max(settings().max_examples // 10, 1)

schema = schemathesis.openapi.from_dict(application(unreachable_engine()).openapi())
# Names of parameters made up by the fuzzer may come to nothing in a URL, so that nothing wrong is sent.
schema.config.generation.update(allow_extra_parameters=False)


async def furnish(url: str) -> None:
    """So that there is something to read: accounts, decisions, a reply."""
    engine = create_async_engine(asyncpg_url(url), poolclass=NullPool)
    desk = Desk(engine)
    await desk.report()
    await desk.publish()
    await desk.ask()
    await make_accounts(engine, 60, user_id=USER, first=1000)
    await make_decisions(engine, 60, user_id=USER, login=1000)
    await make_decisions(engine, 60, user_id="u-2", reason="account_stale")
    await engine.dispose()


@pytest.fixture(scope="module")
def service(
    provided_servers: Servers, session_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A config service as a process, on a database of its own, that nobody asks too often."""
    logs: Path = tmp_path_factory.mktemp("logs")
    with session_workspace.new_database() as url, session_workspace.new_virtual_host() as virtual_host:
        asyncio.run(furnish(url))
        process = ServiceProcess(
            "config_service",
            name="config-service",
            ledger=provided_servers.ledger,
            logs=logs,
            settings={
                "LOTWISE_AMQP_URL": virtual_host.role_urls["config-service"],
                "LOTWISE_DATABASE_URL": url,
                "LOTWISE_JWT_SECRET": JWT_SECRET,
                "LOTWISE_HTTP_WRITES_PER_MINUTE": "10000",
                "LOTWISE_HTTP_READS_PER_MINUTE": "100000",
                "LOTWISE_HTTP_AUTH_FAILURES_PER_MINUTE": "100000",
            },
        )
        process.start()
        try:
            process.wait_ready()
            yield process
        finally:
            process.terminate()


# A schema cannot say which decimals are in range, that splits sum to 1, or which cursors there are: a request that it
# allows may be refused, and one that it does not allow must be.
NOT_CHECKED: list[Any] = [positive_data_acceptance]


def fuzzed(test: Callable[[schemathesis.Case[Any], ServiceProcess], None]) -> Any:
    """`test` with every kind of request to every route, those that the document does not allow included."""
    bounded = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    return pytest.mark.timeout(900)(schema.parametrize()(bounded(test)))


@fuzzed
def test_whatever_the_owner_sends_is_answered_as_the_document_says(
    case: schemathesis.Case[Any], service: ServiceProcess
) -> None:
    case.call_and_validate(base_url=service.http_url, headers=OWNER, excluded_checks=NOT_CHECKED)


@fuzzed
def test_whatever_a_user_sends_is_answered_as_the_document_says(
    case: schemathesis.Case[Any], service: ServiceProcess
) -> None:
    case.call_and_validate(base_url=service.http_url, headers=A_USER, excluded_checks=NOT_CHECKED)


@fuzzed
def test_whatever_comes_without_a_token_is_answered_as_the_document_says(
    case: schemathesis.Case[Any], service: ServiceProcess
) -> None:
    case.call_and_validate(base_url=service.http_url, excluded_checks=NOT_CHECKED)


def test_the_document_that_is_tried_is_that_of_the_running_service(service: ServiceProcess) -> None:
    told = httpx.get(f"{service.http_url}{OPENAPI_PATH}", headers=OWNER, trust_env=False)

    assert told.json() == schema.raw_schema
