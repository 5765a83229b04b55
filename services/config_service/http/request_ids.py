"""A request's id: the caller's own where it gave a usable one, else a new one; in every log line of the request."""

from __future__ import annotations

import re
from uuid import uuid4

import structlog

REQUEST_ID_HEADER = "X-Request-Id"
REQUEST_ID_MAX = 128

_USABLE = re.compile(rf"[!-~]{{1,{REQUEST_ID_MAX}}}", re.ASCII)
_KEY = "request_id"


def begin_request(given: str | None) -> str:
    """The request's id, bound to the log lines of this task and of those that it starts.

    An id that is too long, or not printable ASCII, is replaced: it will stand in our logs and headers.
    """
    request_id = given if given and _USABLE.fullmatch(given) else str(uuid4())
    # Never unbound: the server gives each request a task, and so a context, of its own.
    structlog.contextvars.bind_contextvars(**{_KEY: request_id})
    return request_id


def current_request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    request_id: str | None = structlog.contextvars.get_contextvars().get(_KEY)
    return request_id
