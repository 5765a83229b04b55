"""A parked message for people and for programs."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table

from shared.cli.texts import safe
from shared.messaging.parked import Parked

BODY_SHOWN_MAX = 64 * 1024
CELL_MAX = 64
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)


def table(found: Sequence[Parked]) -> Table:
    """One row a message."""
    made = Table(box=None, pad_edge=False)
    for title in ("time", "queue", "reason", "type", "user", "message id", "attempts"):
        made.add_column(title, no_wrap=True)
    for parked in found:
        cells = (parked.queue, parked.reason, parked.type, parked.user, parked.message_id)
        attempts = str(parked.attempts) if parked.attempts else ""
        made.add_row(_time(parked.at) or "", *(safe(cell or "", most=CELL_MAX) for cell in cells), attempts)
    return made


def by_reason(found: Sequence[Parked]) -> list[str]:
    """How many for each queue and reason, one a line, most first."""
    counts = Counter((parked.queue, parked.reason) for parked in found)
    return [f"{count} × {safe(reason, most=CELL_MAX)} in {queue}" for (queue, reason), count in counts.most_common()]


def lines(parked: Parked) -> Iterator[str]:
    """The whole message, as far as a terminal is for."""
    for name, value in summary(parked).items():
        if value is not None:
            yield f"{name + ':':<16}{safe(str(value))}"
    yield "headers:"
    for name, value in sorted(parked.headers.items()):
        yield f"  {safe(name)}: {safe(str(value))}"
    yield f"body, {len(parked.body)} bytes:"
    yield from pretty(parked.body)


def pretty(body: bytes) -> Iterator[str]:
    """A body, JSON indented but otherwise as it was sent, the rest as it is; cut after BODY_SHOWN_MAX bytes."""
    text = body[:BODY_SHOWN_MAX].decode(errors="backslashreplace")
    for line in _indented(text) if _is_json(text) else text.split("\n"):
        yield "  " + safe(line)
    if len(body) > BODY_SHOWN_MAX:
        yield f"  … {len(body) - BODY_SHOWN_MAX} bytes more; --json has them all"


def summary(parked: Parked) -> dict[str, Any]:
    """What `list --json` tells of a message."""
    return {
        "queue": parked.queue,
        "message_id": parked.message_id,
        "type": parked.type,
        "reason": parked.reason,
        "detail": parked.detail or None,
        "time": _time(parked.at),
        "sent_at": _time(parked.sent_at),
        "user": parked.user,
        "published_by": parked.published_by,
        "attempts": parked.attempts,
        "correlation_id": parked.correlation_id,
        "reply_to": parked.reply_to,
        "content_type": parked.content_type,
        "body_bytes": len(parked.body),
    }


def document(parked: Parked) -> dict[str, Any]:
    """What `show --json` tells: the whole message; a body that is no UTF-8 in base64."""
    try:
        body = {"body": parked.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(parked.body).decode()}
    return {**summary(parked), "headers": json.loads(json.dumps(parked.headers, default=str)), **body}


def _is_json(text: str) -> bool:
    try:
        json.loads(text, strict=False)  # a raw control character in a string is no reason not to show the rest well
    except (ValueError, RecursionError):
        return False
    return True


def _indented(text: str) -> Iterator[str]:
    """JSON line by line. Parsing and writing it anew would round numbers and lose a key that is there twice."""
    depth, line, before = 0, "", ""
    for word in _WORD.findall(text):
        if word in "}]":
            depth -= 1
        if before and (before in "{[," or word in "}]") and not (before in "{[" and word in "}]"):
            yield line
            line = "  " * min(depth, 32)
        line += word + (" " if word == ":" else "")
        if word in "{[":
            depth += 1
        before = word
    yield line


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
