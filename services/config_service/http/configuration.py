"""The dial over HTTP: read it, turn it, see its history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.config_service.changes import Changes
from services.config_service.counts import COMMANDS
from services.config_service.http.answers import CHANGING, ETAG, READING, documented_body, json_answer
from services.config_service.http.callers import (
    TOKEN_IN_DOCUMENT,
    IdempotencyKey,
    IfMatch,
    Owner,
    command_id,
    expected_version,
    read_body,
)
from services.config_service.http.paging import PAGE_DEFAULT, PAGE_MAX
from services.config_service.http.problems import refusal
from services.config_service.verdict import Applied, Order, Refused
from shared.schemas.config import ConfigChanged, EntrySplits, SetEntrySplits, SetMarginBuffer, SetRiskPercent
from shared.schemas.values import ExactDecimal, Message, Text, UtcTime

CONFIG_PATH = "/api/v1/risk/config"
HISTORY_PATH = "/api/v1/risk/config/history"
SPLITS_PATH = "/api/v1/risk/config/entry-splits"
BUFFER_PATH = "/api/v1/risk/config/margin-buffer"
VERSION_MAX = 2**31 - 1


class RiskChange(Message):
    """What the owner sends: the new percent (3 = 3 %), as a JSON number or a string, and why."""

    new_risk_percent: ExactDecimal
    reason: Text | None = None


class RiskChanged(Message):
    """What became of it."""

    new_risk_percent: ExactDecimal
    previous_risk_percent: ExactDecimal
    config_version: int
    updated_at: UtcTime
    updated_by: str


class SplitsChange(Message):
    """How the budget is to be split over the entries, as fractions that sum to 1 (0.50 = 50 %), and why."""

    entry_splits: EntrySplits
    reason: Text | None = None


class BufferChange(Message):
    """The share of free margin, in percent, that no setup may use (20 = 20 %), and why."""

    margin_buffer_percent: ExactDecimal
    reason: Text | None = None


class HistoryQuery(BaseModel):
    """Which versions: at most `limit`, below `before_version`, which is the former page's `next_before_version`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    before_version: Annotated[int | None, Field(ge=1, le=VERSION_MAX)] = None


class History(Message):
    """Versions, the newest first; `next_before_version` asks for the next page, null after the last."""

    items: tuple[ConfigChanged, ...]
    next_before_version: int | None


class ConfigurationApi:
    """The routes, over the one configuration that messages change too."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def read_configuration(self) -> Response:
        """Return the configuration in force."""
        return json_answer(config := await self._changes.current(), version=config.config_version)

    async def set_risk_percent(
        self, request: Request, claims: Owner, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Set the risk percent, as the owner. The same `Idempotency-Key` again has one effect and the same answer."""
        change = await read_body(request, RiskChange)
        command = SetRiskPercent(
            command_id=command_id(claims.user, idempotency_key),
            command="set_risk_percent",
            new_risk_percent=change.new_risk_percent,
            reason=change.reason,
            expected_version=expected_version(if_match),
        )
        applied = await self._apply(Order(command, claims.user))
        config = applied.config
        changed = RiskChanged(
            new_risk_percent=config.fixed_risk_percent,
            previous_risk_percent=applied.previous.fixed_risk_percent,
            config_version=config.config_version,
            updated_at=config.updated_at,
            updated_by=config.updated_by,
        )
        return json_answer(changed, version=config.config_version)

    async def set_entry_splits(
        self, request: Request, claims: Owner, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Set how the budget is split over the entries, as the owner; returns the configuration that this made."""
        change = await read_body(request, SplitsChange)
        command = SetEntrySplits(
            command_id=command_id(claims.user, idempotency_key),
            command="set_entry_splits",
            entry_splits=change.entry_splits,
            reason=change.reason,
            expected_version=expected_version(if_match),
        )
        config = (await self._apply(Order(command, claims.user))).config
        return json_answer(config, version=config.config_version)

    async def set_margin_buffer(
        self, request: Request, claims: Owner, if_match: IfMatch = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Set the margin buffer, as the owner; returns the configuration that this made."""
        change = await read_body(request, BufferChange)
        command = SetMarginBuffer(
            command_id=command_id(claims.user, idempotency_key),
            command="set_margin_buffer",
            margin_buffer_percent=change.margin_buffer_percent,
            reason=change.reason,
            expected_version=expected_version(if_match),
        )
        config = (await self._apply(Order(command, claims.user))).config
        return json_answer(config, version=config.config_version)

    async def list_changes(self, query: Annotated[HistoryQuery, Query()]) -> Response:
        """Return the versions, newest first; `before_version` is the former page's `next_before_version`."""
        items = await self._changes.history(limit=query.limit, before=query.before_version)
        last = items[-1].config_version if len(items) == query.limit else 1
        return json_answer(History(items=tuple(items), next_before_version=last if last > 1 else None))

    async def _apply(self, order: Order) -> Applied:
        """Apply a command. Raises ProblemError where it is refused."""
        verdict = await self._changes.apply(order)
        code = verdict.code if isinstance(verdict, Refused) else ""
        COMMANDS.labels("http", order.command.command, code).inc()
        if isinstance(verdict, Refused):
            raise refusal(verdict)
        if not isinstance(verdict, Applied):
            raise TypeError("a command of the dial makes a version")
        return verdict


def configuration_routes(changes: Changes) -> APIRouter:
    """The routes of the dial."""
    api = ConfigurationApi(changes)
    router = APIRouter(tags=["risk"], dependencies=TOKEN_IN_DOCUMENT)
    read = {200: {"description": "the configuration", "headers": ETAG}, **READING}
    changed = {200: {"description": "the change", "headers": ETAG}, **CHANGING}
    router.add_api_route(
        CONFIG_PATH, api.read_configuration, methods=["GET"], response_model=ConfigChanged, responses=read
    )
    router.add_api_route(
        CONFIG_PATH,
        api.set_risk_percent,
        methods=["POST"],
        response_model=RiskChanged,
        responses=changed,
        openapi_extra=documented_body(RiskChange),
    )
    router.add_api_route(
        SPLITS_PATH,
        api.set_entry_splits,
        methods=["POST"],
        response_model=ConfigChanged,
        responses=changed,
        openapi_extra=documented_body(SplitsChange),
    )
    router.add_api_route(
        BUFFER_PATH,
        api.set_margin_buffer,
        methods=["POST"],
        response_model=ConfigChanged,
        responses=changed,
        openapi_extra=documented_body(BufferChange),
    )
    router.add_api_route(HISTORY_PATH, api.list_changes, methods=["GET"], response_model=History, responses=READING)
    return router
