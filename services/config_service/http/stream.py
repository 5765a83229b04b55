"""The live stream of the configuration: the one in force, then each change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.config_service.changes import Changes
from services.config_service.http.streaming import BUSY, End, Following, Streams
from services.config_service.subscribers import Subscribers, Version
from shared.tokens import Claims

STREAM_PATH = "/api/v1/risk/config/stream"


class ConfigurationStream:
    """Gives everybody the same."""

    def __init__(self, changes: Changes, subscribers: Subscribers) -> None:
        self._changes = changes
        self._subscribers = subscribers

    @asynccontextmanager
    async def follow(self, _claims: Claims) -> AsyncIterator[Following | End]:
        """The configuration in force, and each version after it, in order. Raises DependencyError."""
        with self._subscribers.one_more() as subscriber:
            if subscriber is None:
                yield BUSY
                return
            config = await self._changes.current()
            subscriber.begin(Version.of(config))

            async def text() -> str:
                return (await subscriber.next()).text

            yield Following(text, behind=subscriber.behind, about={"config_version": config.config_version})


def stream_routes(changes: Changes, subscribers: Subscribers, *, streams: Streams) -> APIRouter:
    """The WebSocket of the configuration."""
    router = APIRouter()
    follow = ConfigurationStream(changes, subscribers).follow
    router.add_api_websocket_route(STREAM_PATH, streams.serving(follow))
    return router
