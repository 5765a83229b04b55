"""Who runs which configuration version, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.config_service.changes import Changes
from services.config_service.http.answers import READING, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT
from services.config_service.roster import Standing
from services.config_service.roster import Worker as Announced
from services.config_service.workers import Workers
from shared.schemas.values import Message, UtcTime

WORKERS_PATH = "/api/v1/workers"


class Worker(Message):
    """A process and the version that it runs; `confirmed_at` is when it first announced the version in force.

    `state`: `current`, `behind` (it runs an older version) or `missing` (it was not heard for 30 seconds; one that was
    stopped is, too, for a quarter of an hour).
    """

    instance: str
    service: str
    config_version: int
    announced_at: UtcTime
    confirmed_at: UtcTime | None
    state: Standing


class WorkerList(Message):
    """The version in force, and every process that announces the one that it runs."""

    config_version: int
    workers: tuple[Worker, ...]


def worker_routes(changes: Changes, workers: Workers) -> APIRouter:
    """The one route of it."""
    router = APIRouter(tags=["workers"], dependencies=TOKEN_IN_DOCUMENT)

    @router.get(WORKERS_PATH, response_model=WorkerList, responses=READING)
    async def list_workers() -> Response:
        """Return the version in force, and each process with the version that it runs."""
        version = (await changes.current()).config_version
        shown = (_shown(worker, standing, version) for worker, standing in workers.standings(version))
        return json_answer(WorkerList(config_version=version, workers=tuple(shown)))

    return router


def _shown(worker: Announced, standing: Standing, version: int) -> Worker:
    return Worker(
        instance=worker.instance,
        service=worker.service,
        config_version=worker.config_version,
        announced_at=worker.announced_at,
        confirmed_at=worker.confirmed_at if worker.config_version >= version else None,
        state=standing,
    )
