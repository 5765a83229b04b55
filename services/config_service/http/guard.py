"""What every request passes on its way in: the token, how often its bearer may, the size and kind of its body.

Around the application, not in its routes: a route that is added later cannot forget it.
"""

from __future__ import annotations

import asyncio

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.config_service.http.problems import ProblemError, unauthorized
from services.config_service.http.throttle import Throttle
from shared.tokens import Claims, TokenError, TokenVerifier, bearer_token

log = structlog.get_logger()

BODY_BYTES_MAX = 64 * 1024
BODY_TIMEOUT_S = 10.0
GUARDED = "/api"
HEALTH_PATH = "/api/v1/trading/health"
BODILESS = ("GET", "HEAD", "OPTIONS", "DELETE", "TRACE")


class Guard:
    """Lets through who has a token, with a body that is JSON and not too large, read whole and in time."""

    def __init__(self, app: ASGIApp, *, tokens: TokenVerifier, throttle: Throttle) -> None:
        self._app = app
        self._tokens = tokens
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it. The bearer's claims are in `request.state.claims` from here on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            if scope["path"].startswith(GUARDED) and scope["path"] != HEALTH_PATH:
                scope.setdefault("state", {})["claims"] = claims = await self._authenticated(scope, headers)
                self._throttle.admit(scope, claims)
            if scope["method"] not in BODILESS:
                receive = await _with_body(headers, receive)
        except ProblemError as error:
            await error.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _authenticated(self, scope: Scope, headers: Headers) -> Claims:
        try:
            return await self._authenticate(headers)
        except ProblemError:
            self._throttle.auth_failed(scope)
            raise

    async def _authenticate(self, headers: Headers) -> Claims:
        token = bearer_token(headers.get("authorization"))
        if token is None:
            raise unauthorized(token_given=False)
        try:
            return await self._tokens.verify(token)
        except TokenError as error:
            log.warning("token.refused", via="http", cause=str(error))
            raise unauthorized(token_given=True) from None


async def _with_body(headers: Headers, receive: Receive) -> Receive:
    """Read the body, and return a `receive` that yields it first. Raises ProblemError."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _read(headers, receive)
    except TimeoutError:
        raise ProblemError("request_timeout", f"the body did not come within {BODY_TIMEOUT_S:g} s") from None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise ProblemError("unsupported_media_type", "the body must be application/json")
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_body() -> Message:
        return unread.pop() if unread else await receive()

    return receive_body


async def _read(headers: Headers, receive: Receive) -> bytes:
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError("request_timeout", "the caller went before the whole body had come")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(body)


def _too_large() -> ProblemError:
    return ProblemError("body_too_large", f"a body may have at most {BODY_BYTES_MAX} bytes")
