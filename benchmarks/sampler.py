"""A program, and where its processor time goes: `python -m benchmarks.sampler OUTPUT MODULE`.

From SIGUSR1 on, every two milliseconds of processor time the stack is noted: file and function of each frame, the
innermost first. At its end the program's stacks are written to OUTPUT: JSON, one `[frames, count]` each.
"""

from __future__ import annotations

import atexit
import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.002

Stack = tuple[tuple[str, str], ...]


class Sampler:
    """Counts stacks."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._stacks: Counter[Stack] = Counter()

    def start(self, _number: int, _frame: FrameType | None) -> None:
        """Begin, once told to."""
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def note(self, _number: int, frame: FrameType | None) -> None:
        """Count where the program is."""
        stack = []
        while frame is not None:
            stack.append((frame.f_code.co_filename, frame.f_code.co_qualname))
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1

    def write(self) -> None:
        """Stop, and write what was counted."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._output.write_text(json.dumps(list(self._stacks.items())), encoding="utf-8")


def main() -> None:
    """Run the module as if it had been started alone."""
    output, module = sys.argv[1:]
    sampler = Sampler(Path(output))
    signal.signal(signal.SIGPROF, sampler.note)
    signal.signal(signal.SIGUSR1, sampler.start)
    atexit.register(sampler.write)
    sys.argv[1:] = []
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
