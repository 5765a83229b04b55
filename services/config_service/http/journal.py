"""Around everything, bugs included: the request's id, one log line and one count for it, safe headers on its answer."""

from __future__ import annotations

import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.config_service.counts import HTTP_REQUESTS, HTTP_SECONDS
from services.config_service.http.request_ids import REQUEST_ID_HEADER, begin_request
from shared.tokens import Claims

log = structlog.get_logger()

# What a browser must not do with an answer that is meant for programs: guess its type, keep it, render or frame it,
# tell others where it came from, or hand it to a page of another origin. There is no CORS: no such page is served.
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Only to who came by TLS, as a trusted proxy says (RFC 6797, 7.2). Subdomains and preloading are the site's to decide.
HTTPS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
PATH_LOGGED_MAX = 200
METHODS = ("GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "POST", "PUT", "PATCH")
INTERNAL_ERROR = 500


class Journal:
    """Serves `app`, and notes what became of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one connection of another kind."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = begin_request(Headers(scope=scope).get(REQUEST_ID_HEADER))
        if scope["type"] == "http":
            await self._serve(scope, receive, send, request_id=request_id)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, *, request_id: str) -> None:
        started, status = time.monotonic(), INTERNAL_ERROR

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _headers(scope, request_id).items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_safely)
        finally:
            _report(scope, status, duration_s=time.monotonic() - started)


def _headers(scope: Scope, request_id: str) -> dict[str, str]:
    by_tls = HTTPS_HEADERS if scope["scheme"] == "https" else {}
    return {**SAFE_HEADERS, **by_tls, REQUEST_ID_HEADER: request_id}


def _report(scope: Scope, status: int, *, duration_s: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in METHODS else "other"
    HTTP_REQUESTS.labels(method, route, str(status)).inc()
    HTTP_SECONDS.labels(route).observe(duration_s)
    claims: Claims | None = scope["state"].get("claims") if "state" in scope else None
    log.info(
        "http.answered",
        method=method,
        path=scope["path"][:PATH_LOGGED_MAX],
        status=status,
        user=claims.user if claims else None,
        duration_s=round(duration_s, 6),
    )
