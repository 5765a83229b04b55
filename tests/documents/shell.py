"""A reader at work: one shell, into which the blocks of a page are typed one after the other."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev.stack.processes import ROLE_OF
from tests.documents.pages import Example

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DIFFERS = (
    UUID,
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    r'(?<="age_seconds":")[\d.]+',
    r'(?<=_s":")[\d.]+',  # percentiles
    r"(?<=decisionsin)\d+\.\ds,\d+/s",  # how long that took
    r"(?<=active)\d+s",  # the age of an account
    *(rf'(?<="{service}\.)[\w.-]+' for service in ROLE_OF),  # host and process of an instance
)
"""What is another at each run, in text without its white space, beside what a page leaves out by `…`."""


class Reader:
    """Types what a page says, compares what is printed, and uses its own ids where the page shows others."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._shell = subprocess.Popen(
            ["/bin/bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._own: dict[str, str] = {}
        self.printed = ""
        """By the last block, standard error included."""
        self.type("trap 'failed=$?; [ $status -ne 0 ] || status=$failed' ERR")

    def close(self) -> None:
        """Leave, with whatever still runs."""
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.communicate()

    def neighbour(self) -> Reader:
        """Another shell in the same folder, to be closed."""
        return Reader(self._folder, self._environment)

    def calls(self, shown: str, own: str) -> None:
        """From now on this stands where the page shows that."""
        self._own[shown] = own

    def save(self, name: str, text: str) -> None:
        """Save a program as the file that the page names."""
        (self._folder / name).write_text(text, encoding="utf-8")

    def follow(self, example: Example) -> None:
        """Type a block, which must end well and print what the page shows."""
        assert self.type(example.text) == 0, self.printed
        if example.printed is not None:
            self.compare(example.printed)

    def type(self, commands: str) -> int:
        """Type commands; returns the status of the first that failed, or 0."""
        mark = secrets.token_hex(8)
        block = self._folder / f".{mark}.sh"
        block.write_text(self._with_own(commands), encoding="utf-8")
        assert self._shell.stdin
        assert self._shell.stdout
        # By a file: a command that reads its standard input would read the rest of the block.
        self._shell.stdin.write(f"status=0; . ./{block.name} </dev/null; echo; echo {mark} $status\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(mark):
                self.printed = "".join(lines).strip("\n")
                return int(line.split()[1])
            lines.append(line)
        raise AssertionError(f"the shell ended:\n{''.join(lines)}")

    def compare(self, shown: str) -> None:
        """The last block has printed what the page shows, white space and what differs each time apart."""
        expected, printed = (re.sub(r"\s+", "", text) for text in (self._with_own(shown), self.printed))
        groups: dict[str, str] = {}
        match = re.fullmatch("".join(self._patterns(expected, groups)), printed)
        assert match, f"the page shows\n{shown}\nand printed was\n{self.printed}"
        self._own |= {theirs: match[group] for theirs, group in groups.items()}

    def _patterns(self, expected: str, groups: dict[str, str]) -> Iterator[str]:
        """What matches a text without white space, part by part; into `groups` goes the group of each new id."""
        own = set(self._own.values())
        for number, part in enumerate(re.split(f"({'|'.join(DIFFERS)}|…)", expected)):
            if number % 2 == 0 or part in own:
                yield re.escape(part)
            elif not re.fullmatch(UUID, part):
                yield ".*"
            elif part in groups:
                yield f"(?P={groups[part]})"
            else:
                groups[part] = f"id{number}"
                yield f"(?P<{groups[part]}>{UUID})"

    def _with_own(self, text: str) -> str:
        for theirs, own in self._own.items():
            text = text.replace(theirs, own)
        return text


@contextmanager
def reading(folder: Path, environment: Mapping[str, str]) -> Iterator[Reader]:
    """A reader for the length of the block, in this folder."""
    reader = Reader(folder, environment)
    try:
        yield reader
    finally:
        reader.close()
