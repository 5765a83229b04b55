"""Planned changes over HTTP, for the owner: list them, plan one, take one back."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.config_service.changes import Changes
from services.config_service.counts import COMMANDS
from services.config_service.http.answers import CHANGING, READING, documented, documented_body, json_answer
from services.config_service.http.callers import (
    TOKEN_IN_DOCUMENT,
    IdempotencyKey,
    IfMatch,
    Owner,
    command_id,
    expected_version,
    read_body,
)
from services.config_service.http.problems import refusal
from services.config_service.verdict import Cancelled, Done, Order, Planned, Refused
from shared.schemas.config import CancelSchedule, Schedule, ScheduleRiskPercent, ScheduleState
from shared.schemas.values import ExactDecimal, Message, Text, UtcTime

SCHEDULES_PATH = "/api/v1/risk/config/schedules"
SCHEDULE_PATH = "/api/v1/risk/config/schedules/{schedule_id}"
PAGE_DEFAULT = 50
PAGE_MAX = 200


class Plan(Message):
    """What the owner plans: the new percent (3 = 3 %), from when on, and why."""

    new_risk_percent: ExactDecimal
    effective_at: UtcTime
    reason: Text | None = None


class Schedules(Message):
    """Planned changes and how they ended, the last planned first; `next_before` asks for the next page."""

    items: tuple[Schedule, ...]
    next_before: str | None


class SchedulesApi:
    """The routes, over the one plan that messages change too."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def list_planned_changes(
        self,
        _owner: Owner,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        before: Annotated[UUID | None, Query(description="the former page's `next_before`")] = None,
        state: Annotated[ScheduleState | None, Query()] = None,
    ) -> Response:
        """Return the planned changes and those that ended, the last planned first."""
        items = await self._changes.schedules(limit=limit, before=before, state=state)
        following = str(items[-1].schedule_id) if len(items) == limit else None
        return json_answer(Schedules(items=tuple(items), next_before=following))

    async def plan_change(
        self, request: Request, claims: Owner, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Plan a change of the risk percent. The same `Idempotency-Key` again has one effect and the same answer."""
        wanted = await read_body(request, Plan)
        command = ScheduleRiskPercent(
            command_id=command_id(claims.user, idempotency_key),
            command="schedule_risk_percent",
            new_risk_percent=wanted.new_risk_percent,
            effective_at=wanted.effective_at,
            reason=wanted.reason,
            expected_version=expected_version(if_match),
        )
        return _answer(await self._apply(Order(command, claims.user)), status=201)

    async def cancel_planned_change(
        self, schedule_id: UUID, claims: Owner, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Take a planned change back."""
        command = CancelSchedule(
            command_id=command_id(claims.user, idempotency_key),
            command="cancel_schedule",
            schedule_id=str(schedule_id),
            expected_version=expected_version(if_match),
        )
        return _answer(await self._apply(Order(command, claims.user)), status=200)

    async def _apply(self, order: Order) -> Done:
        """Obey a command. Raises ProblemError where it is refused."""
        verdict = await self._changes.apply(order)
        code = verdict.code if isinstance(verdict, Refused) else ""
        COMMANDS.labels("http", order.command.command, code).inc()
        if isinstance(verdict, Refused):
            raise refusal(verdict)
        return verdict


def schedule_routes(changes: Changes) -> APIRouter:
    """The routes of the plan."""
    api = SchedulesApi(changes)
    router = APIRouter(tags=["schedules"], dependencies=TOKEN_IN_DOCUMENT)
    reading = {**READING, **documented("forbidden")}
    cancelling = {**CHANGING, **documented("unknown_schedule")}
    router.add_api_route(
        SCHEDULES_PATH, api.list_planned_changes, methods=["GET"], response_model=Schedules, responses=reading
    )
    router.add_api_route(
        SCHEDULES_PATH,
        api.plan_change,
        methods=["POST"],
        status_code=201,
        response_model=Schedule,
        responses=CHANGING,
        openapi_extra=documented_body(Plan),
    )
    router.add_api_route(
        SCHEDULE_PATH, api.cancel_planned_change, methods=["DELETE"], response_model=Schedule, responses=cancelling
    )
    return router


def _answer(done: Done, *, status: int) -> Response:
    if not isinstance(done, Planned | Cancelled):
        raise TypeError("a command of the plan plans or cancels")
    return json_answer(done.schedule, status=status)
