"""The HTTP API of the config service, put together as its process does it, over a database of the test's choosing."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.config_service.changes import Changes
from services.config_service.documents.routes import document_routes
from services.config_service.http.accounts import account_routes
from services.config_service.http.app import config_app
from services.config_service.http.configuration import configuration_routes
from services.config_service.http.decision_stream import decision_stream_routes, decision_tail
from services.config_service.http.decisions import decision_routes
from services.config_service.http.explanations import explanation_routes
from services.config_service.http.health import health_routes
from services.config_service.http.overview import overview_routes
from services.config_service.http.page import page_routes
from services.config_service.http.schedules import schedule_routes
from services.config_service.http.simulation import simulation_routes
from services.config_service.http.stream import stream_routes
from services.config_service.http.streaming import Streams
from services.config_service.http.throttle import Throttle
from services.config_service.http.workers import worker_routes
from services.config_service.overview import OverviewReading
from services.config_service.proofs import Proofs
from services.config_service.reading import Reading
from services.config_service.subscribers import Subscribers
from services.config_service.workers import Workers
from shared.errors import DependencyError
from shared.health import DatabaseCheck
from shared.messaging.link import BrokerSettings
from shared.messaging.parked_counts import ParkedCounts
from shared.schemas.latency import WorkerLatency
from shared.tokens import Role, TokenSettings, TokenVerifier, issue_token

JWT_SECRET = "a-secret-of-the-tests-and-of-nothing-else"
TOKENS = TokenSettings(jwt_secret=SecretStr(JWT_SECRET))
OFTEN = 1_000_000


def bearer(
    role: Role = "owner", *, user: str = "owner-1", lifetime_s: int = 3600, tokens: TokenSettings = TOKENS
) -> dict[str, str]:
    """The authorization of a user in a role."""
    return {"Authorization": f"Bearer {issue_token(tokens, user=user, role=role, lifetime_s=lifetime_s)}"}


def throttle(*, writes: int = OFTEN, reads: int = OFTEN, auth_failures: int = OFTEN) -> Throttle:
    """Limits a minute that no test meets unless it is about them."""
    return Throttle(writes_per_minute=writes, reads_per_minute=reads, auth_failures_per_minute=auth_failures)


def application(
    engine: AsyncEngine, *, limits: Throttle | None = None, measured: Sequence[WorkerLatency] = ()
) -> FastAPI:
    """Every route, where workers have announced `measured`. Its health says that the database is away."""
    changes, reading, proofs = Changes(engine, command_s=30, timeout_s=5), Reading(engine), Proofs(engine)
    parked = ParkedCounts(BrokerSettings(amqp_url=SecretStr("amqp://nobody@127.0.0.1:1/none")), instance="test")
    tokens, workers = TokenVerifier(TOKENS), Workers(changes)
    limits = limits or throttle()
    streams = Streams(tokens=tokens, throttle=limits)
    for report in measured:
        workers.measure(report)
    return config_app(
        configuration_routes(changes),
        schedule_routes(changes),
        worker_routes(changes, workers),
        stream_routes(changes, Subscribers(most=1), streams=streams),
        account_routes(reading),
        decision_routes(reading),
        decision_stream_routes(decision_tail(reading, most=1), streams=streams),
        document_routes(),
        explanation_routes(proofs),
        simulation_routes(proofs),
        overview_routes(OverviewReading(engine), workers, parked),
        page_routes(),
        health_routes(changes, broker_up=lambda: True, database=DatabaseCheck(_away)),
        tokens=tokens,
        throttle=limits,
    )


def unreachable_engine() -> AsyncEngine:
    """An engine of a database that cannot be reached."""
    return create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")


async def _away() -> None:
    raise DependencyError("the database is away")
