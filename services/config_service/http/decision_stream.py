"""The live stream of decisions: the newest that the caller may see, then each one as it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.config_service.http.callers import visible_user
from services.config_service.http.logged import logged
from services.config_service.http.streaming import BUSY, End, Following, Streams
from services.config_service.reading import Found, Reading
from services.config_service.tail import DecisionTail
from shared.tokens import Claims

DECISION_STREAM_PATH = "/api/v1/decisions/stream"


class DecisionStream:
    """Gives users their own, and the owner all."""

    def __init__(self, tail: DecisionTail) -> None:
        self._tail = tail

    @asynccontextmanager
    async def follow(self, claims: Claims) -> AsyncIterator[Following | End]:
        """The newest at once, then what is new. Raises DependencyError."""
        with self._tail.one_more(visible_user(claims, None)) as follower:
            if follower is None:
                yield BUSY
                return
            await follower.begin()

            async def text() -> str:
                items = ",".join([one.text for one in await follower.next()])
                return f'{{"items":[{items}]}}'

            yield Following(text)


def decision_tail(reading: Reading, *, most: int) -> DecisionTail:
    """The tail whose decisions are written as `GET` answers them."""
    return DecisionTail(reading, most=most, encode=_encoded)


def decision_stream_routes(tail: DecisionTail, *, streams: Streams) -> APIRouter:
    """The WebSocket of decisions."""
    router = APIRouter()
    router.add_api_websocket_route(DECISION_STREAM_PATH, streams.serving(DecisionStream(tail).follow))
    return router


def _encoded(found: Found) -> str:
    return logged(found).to_json().decode()
