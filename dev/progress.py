"""What the commands of this folder tell the person who started them. Standard library only: it runs first."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]

LOG_TAIL_LINES = 25


def say(line: str) -> None:
    """Write one line at once, so that it is seen before the work it announces."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def step(title: str, *, say: Say = say) -> Iterator[None]:
    """Say what is being done, then how long it took; a failure is said too and goes on upwards."""
    started = time.monotonic()
    say(f"  {title} …")
    try:
        yield
    except BaseException:
        say(f"  {title}: failed after {time.monotonic() - started:.1f} s")
        raise
    say(f"  {title}: done in {time.monotonic() - started:.1f} s")


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log, indented; an unreadable log is named instead."""
    try:
        with log.open(encoding="utf-8", errors="replace") as text:
            return "".join(f"    | {line.rstrip()}\n" for line in deque(text, maxlen=lines)).rstrip()
    except OSError as error:
        return f"    | ({log}: {error.strerror})"
