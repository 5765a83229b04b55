"""What every WebSocket passes before its route: a page of another site may not open one in its visitor's name."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.config_service.counts import STREAMS_ENDED
from services.config_service.http.problems import ProblemError

log = structlog.get_logger()

ORIGIN_LOGGED_MAX = 200


class Handshake:
    """Refuses, with 403, the WebSockets of pages whose origin is not the host they ask for.

    Programs send no origin, and pass. Every route behind it must ask for a token itself: browsers cannot send one in a
    header here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or refuse it."""
        if scope["type"] == "websocket" and not _of_this_site(headers := Headers(scope=scope)):
            STREAMS_ENDED.labels("origin").inc()
            log.warning("stream.refused", origin=headers["origin"][:ORIGIN_LOGGED_MAX])
            await ProblemError("forbidden", "not from a page of another site").response()(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _of_this_site(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:  # brackets that hold no address
        return False
