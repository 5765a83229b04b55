"""Whether the service can do its work, for anyone who asks."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response

from services.config_service.changes import Changes
from services.config_service.http.answers import json_answer
from services.config_service.http.guard import HEALTH_PATH
from shared import __version__
from shared.health import DatabaseCheck
from shared.schemas.values import Message


class Health(Message):
    """Whether the service can do its work, and the version of release and configuration that it is at."""

    status: str
    database: bool
    broker: bool
    version: str
    config_version: int | None


def health_routes(changes: Changes, *, broker_up: Callable[[], bool], database: DatabaseCheck) -> APIRouter:
    """The one route that needs no token."""
    router = APIRouter(tags=["health"])

    @router.get(HEALTH_PATH, response_model=Health, responses={503: {"model": Health}})
    async def check_health() -> Response:
        """Tell whether the service is ready; 503 where it is not."""
        await database.refresh()
        ready = database() and broker_up()
        state = Health(
            status="ready" if ready else "not ready",
            database=database(),
            broker=broker_up(),
            version=__version__,
            config_version=changes.latest_version,
        )
        return json_answer(state, status=200 if ready else 503)

    return router
