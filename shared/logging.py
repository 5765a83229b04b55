"""structlog as JSON lines on standard output, the standard library's loggers included; no secret leaves it."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

import stamina
import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

LogLevel = Literal["debug", "info", "warning", "error"]

_SECRETS = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)|eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<=[Bb]earer )\s*\S+")
QUIET_LOGGERS = ("aio_pika", "aiormq", "sqlalchemy", "uvicorn", "asyncio", "httpx", "httpcore")
"""Never below warning: aiormq's debug lines hold whole frames, bodies included, and httpx's whole URLs."""


def configure_logging(level: LogLevel, *, service: str) -> None:
    """Log from here on at `level`, each line bound to `service`."""
    shared_processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared_processors, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    stamina.instrumentation.set_on_retry_hooks([])  # each retry of ours says in its own words what it waits for
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blot out passwords in URLs, and tokens, wherever they stand in a line."""
    return {key: _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return _SECRETS.sub("***", value)
        case dict():
            return {key: _redacted(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_redacted(inner) for inner in value]
    return value
