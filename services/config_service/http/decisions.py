"""Decisions, to look at: the audit rows, a page at a time, and the very reply that a request got."""

from __future__ import annotations

import json
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import model_validator

from services.config_service.http.answers import JSON, LISTING, documented, json_answer
from services.config_service.http.callers import TOKEN_IN_DOCUMENT, Caller, visible_user
from services.config_service.http.logged import LoggedDecision, logged
from services.config_service.http.paging import PageQuery, cut, read_cursor
from services.config_service.http.problems import ProblemError
from services.config_service.reading import DecisionFilter, Reading
from shared.schemas.reasons import SizingReasonCode
from shared.schemas.sizing import SizingDecision, Status
from shared.schemas.values import Id, Identifier, Login, Message, UtcTime

DECISIONS_PATH = "/api/v1/decisions"
REPLY_PATH = "/api/v1/decisions/{request_id}"
ROWS = "decisions"


class DecisionQuery(PageQuery):
    """Which decisions: decided at `since` or later and before `until`. `user_id` is for the owner."""

    user_id: Identifier | None = None
    status: Status | None = None
    reason: SizingReasonCode | None = None
    setup_id: Identifier | None = None
    instrument: Identifier | None = None
    login: Login | None = None
    server: Identifier | None = None
    since: UtcTime | None = None
    until: UtcTime | None = None

    @model_validator(mode="after")
    def _account_is_whole(self) -> Self:
        if (self.login is None) != (self.server is None):
            raise ValueError("login and server name an account together")
        return self


class Decisions(Message):
    """A page of decisions, the newest first; `next_cursor` asks for the next page, null after the last."""

    items: tuple[LoggedDecision, ...]
    next_cursor: str | None


class DecisionsApi:
    """The routes, over what is in the database."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def list_decisions(self, claims: Caller, query: Annotated[DecisionQuery, Query()]) -> Response:
        """Return the caller's decisions, or for the owner everybody's, the newest first."""
        wanted = DecisionFilter(
            user_id=visible_user(claims, query.user_id), **query.model_dump(exclude={"limit", "cursor", "user_id"})
        )
        found = await self._reading.decisions(wanted, before=read_cursor(query.cursor, ROWS), limit=query.limit + 1)
        page, next_cursor = cut(found, query.limit, rows=ROWS)
        return json_answer(Decisions(items=tuple(map(logged, page)), next_cursor=next_cursor))

    async def read_reply(self, claims: Caller, request_id: Annotated[Id, Path()]) -> Response:
        """Return the reply to a request, byte for byte as it was sent, to its user or the owner."""
        reply = await self._reading.reply(request_id)
        # Another's request is answered as one that never was: nobody learns which ids exist.
        if reply is None or (claims.role != "owner" and json.loads(reply)["user_id"] != claims.user):
            raise ProblemError("not_found", "no decision of yours has this request_id")
        return Response(reply, media_type=JSON)


def decision_routes(reading: Reading) -> APIRouter:
    """The routes of decisions."""
    api = DecisionsApi(reading)
    router = APIRouter(tags=["decisions"], dependencies=TOKEN_IN_DOCUMENT)
    router.add_api_route(
        DECISIONS_PATH, api.list_decisions, methods=["GET"], response_model=Decisions, responses=LISTING
    )
    router.add_api_route(
        REPLY_PATH,
        api.read_reply,
        methods=["GET"],
        response_model=SizingDecision,
        responses={**LISTING, **documented("not_found")},
    )
    return router
