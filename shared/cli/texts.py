"""Text of others on a terminal: what somebody else wrote may not move a cursor or hide a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def safe(text: str, *, most: int | None = None) -> str:
    """The text on one line, each character that a terminal would obey or hide written as its code point."""
    shown = text if most is None or len(text) <= most else text[: most - 1] + "…"
    return "".join(character if character.isprintable() else _escaped(character) for character in shown)


def short_time(time: datetime | None) -> str:
    """A time to the second; nothing where there is none."""
    return "" if time is None else time.isoformat(timespec="seconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """How long, in the two units that matter: 45 s, 3 min 20 s, 5 h 12 min, 2 d 4 h."""
    whole = max(round(seconds), 0)
    for large, size, small, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {large} {rest} {small}" if rest else f"{whole // size} {large}"
    return f"{whole} s"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
