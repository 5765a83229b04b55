"""What live streams have in common: a token in the first frame, then one frame after another, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from services.config_service.counts import STREAM_CLIENTS, STREAMS_ENDED
from services.config_service.http.problems import ProblemError
from services.config_service.http.throttle import Throttle
from shared.errors import DependencyError
from shared.schemas.decoding import parse_object
from shared.schemas.reasons import FieldError
from shared.schemas.values import Message
from shared.tokens import Claims, TokenError, TokenVerifier

Frame = MutableMapping[str, Any]

log = structlog.get_logger()

FIRST_FRAME_TIMEOUT_S = 5.0
STRANGERS_MAX = 1000
"""Connections that have not shown their token yet, of all streams together."""
SEND_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0
"""How long a client that does not read may take to hear that it is closed."""
FRAME_BYTES_MAX = 4096
FRAMES_IGNORED_MAX = 1000
"""After its first frame a client has nothing to say; so many are passed over, for those who keep alive by messages."""
SERVICE_RESTART = 1012


@dataclass(frozen=True, slots=True)
class End:
    """How a stream ends: in the log's word, and with what code and words the client is told; None: it has gone."""

    how: str
    code: int | None = None
    reason: str = ""


UNAUTHORIZED = End("unauthorized", 4401, "a valid token is needed in the first frame, within 5 s")
EXPIRED = End("expired", 4401, "the token has ended")
BEHIND = End("behind", 4408, "did not keep up; connect again")
TALKING = End("talking", 1008, "there is nothing to be said here")
TOO_LARGE = End("too_large", 1009, "a frame is too large")
BUSY = End("busy", 1013, "no room now; try again later")
UNAVAILABLE = End("unavailable", 1013, "the database does not answer now; try again later")
THROTTLED = End("throttled", 1013, "too often; try again in a minute")
FAILED = End("failed", 1011, "a bug; the log of the service says which")
LEFT = End("left")
STOPPED = End("stopped")


@dataclass(frozen=True, slots=True)
class Following:
    """What one client gets: the text of each frame, as soon as there is one."""

    next: Callable[[], Awaitable[str]]
    behind: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once there is no catching up any more."""
    about: Mapping[str, object] = field(default_factory=dict)
    """For the log."""


Follow = Callable[[Claims], AbstractAsyncContextManager[Following | End]]
"""What a stream gives to the bearer of a token, for the length of the block; or why it gives nothing.

Raises DependencyError where the database is away as it begins."""


@dataclass(slots=True)
class Note:
    """What the log is to say of a stream when it is over."""

    user: str | None = None
    end: End = STOPPED


class Greeting(Message):
    """A client's first frame."""

    token: str


class Streams:
    """Serves the clients of every stream, each from the handshake to its end."""

    def __init__(self, *, tokens: TokenVerifier, throttle: Throttle) -> None:
        self._tokens = tokens
        self._throttle = throttle
        self._strangers = 0

    def serving(self, follow: Follow) -> Callable[[WebSocket], Awaitable[None]]:
        """The endpoint of a stream. It asks for the token itself, and counts: `Guard` sees requests only."""

        async def serve(socket: WebSocket) -> None:
            """Serve one client until it leaves, its token ends, it falls behind, or the service stops."""
            await socket.accept()
            with _noted(socket) as note:
                note.end = await self._serve(socket, follow, note)
                await _close(socket, note.end)

        return serve

    async def _serve(self, socket: WebSocket, follow: Follow, note: Note) -> End:
        claims = await self._greet(socket)
        note.user = claims.user if isinstance(claims, Claims) else None
        try:
            if claims is UNAUTHORIZED:
                self._throttle.auth_failed(socket.scope)
            if isinstance(claims, End):
                return claims
            self._throttle.admit_stream(claims)
            async with follow(claims) as following:
                return following if isinstance(following, End) else await _give(socket, following, claims)
        except ProblemError:
            return THROTTLED
        except DependencyError:
            return UNAVAILABLE
        except Exception:
            log.exception("stream.failed", path=socket.url.path, user=note.user)
            return FAILED

    async def _greet(self, socket: WebSocket) -> Claims | End:
        if self._strangers >= STRANGERS_MAX:
            return BUSY
        self._strangers += 1
        try:
            async with asyncio.timeout(FIRST_FRAME_TIMEOUT_S):
                return await self._authenticate(await socket.receive())
        except TimeoutError:
            return UNAUTHORIZED
        finally:
            self._strangers -= 1

    async def _authenticate(self, frame: Frame) -> Claims | End:
        if frame["type"] == "websocket.disconnect":
            return _gone(frame)
        token = _token(frame)
        if token is None:
            return UNAUTHORIZED
        try:
            return await self._tokens.verify(token)
        except TokenError as error:
            log.warning("token.refused", via="stream", cause=str(error))
            return UNAUTHORIZED


@contextmanager
def _noted(socket: WebSocket) -> Iterator[Note]:
    started, note = time.monotonic(), Note()
    try:
        yield note
    finally:
        STREAMS_ENDED.labels(note.end.how).inc()
        duration_s = round(time.monotonic() - started, 3)
        log.info(
            "stream.closed",
            path=socket.url.path,
            user=note.user,
            how=note.end.how,
            code=note.end.code,
            duration_s=duration_s,
        )


def _token(frame: Frame) -> str | None:
    document = parse_object((frame.get("text") or "").encode())
    if isinstance(document, FieldError):
        return None
    try:
        return Greeting.model_validate(document).token
    except ValidationError:
        return None


async def _give(socket: WebSocket, following: Following, claims: Claims) -> End:
    log.info("stream.opened", path=socket.url.path, user=claims.user, **following.about)
    left_s = (claims.expires_at - datetime.now(UTC)).total_seconds()
    with STREAM_CLIENTS.track_inprogress():
        return await _first(_send(socket, following), _listen(socket), _fall_behind(following), within_s=left_s)


async def _first(*ways: Coroutine[None, None, End], within_s: float) -> End:
    """The first end of a stream that comes; EXPIRED where none does within its token's life. Raises a bug."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, timeout=max(within_s, 0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return next(iter([task.result() for task in tasks if not task.cancelled()]), EXPIRED)


async def _send(socket: WebSocket, following: Following) -> End:
    while True:
        text = await following.next()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send_text(text)
        except TimeoutError:
            return BEHIND
        except (WebSocketDisconnect, RuntimeError):  # the latter where the server has given the connection up itself
            return LEFT


async def _listen(socket: WebSocket) -> End:
    for _ in range(FRAMES_IGNORED_MAX):
        frame = await socket.receive()
        if frame["type"] == "websocket.disconnect":
            return _gone(frame)
        if len(frame.get("bytes") or (frame.get("text") or "").encode()) > FRAME_BYTES_MAX:
            return TOO_LARGE
    return TALKING


async def _fall_behind(following: Following) -> End:
    await following.behind.wait()
    return BEHIND


def _gone(frame: Frame) -> End:
    return STOPPED if frame.get("code") == SERVICE_RESTART else LEFT


async def _close(socket: WebSocket, end: End) -> None:
    if end.code is None:
        return
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # it has gone, or does not read; we go too
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close(end.code, end.reason)
