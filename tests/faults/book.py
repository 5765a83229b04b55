"""The book of faults: what each test did and counted, kept for the table of docs/faults.md."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dev.servers.machine import measured_on
from dev.servers.provider import Servers
from dev.tree import run_folder
from tests.faults.counts import Counts


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table. `recovery_s`: from the end of the fault to the first answer with everything ready."""

    number: int
    fault: str
    counts: Counts
    recovery_s: float | None
    note: str = ""

    @property
    def file(self) -> Path:
        """Where it is kept until the table is written; the same fault in another variant has a file of its own."""
        name = "".join(character if character.isalnum() else "-" for character in self.fault.lower())
        return folder() / f"{self.number:02}-{name[:80]}.json"


def folder() -> Path:
    """Where entries are kept."""
    made = run_folder() / "faults"
    made.mkdir(exist_ok=True)
    return made


class Page:
    """What one test writes into the book."""

    def __init__(self, number: int, fault: str) -> None:
        self._number = number
        self._fault = fault
        self.entries: list[Entry] = []

    def write(self, counts: Counts, *, recovery_s: float | None = None, note: str = "", variant: str = "") -> None:
        """Keep what was counted."""
        fault = f"{self._fault}: {variant}" if variant else self._fault
        self._keep(Entry(self._number, fault, counts, recovery_s, note))

    def note(self, text: str) -> None:
        """Add to the note of what was written last."""
        last = self.entries.pop()
        self._keep(replace(last, note="; ".join(filter(None, [last.note, text]))))

    def _keep(self, entry: Entry) -> None:
        entry.file.write_text(json.dumps(asdict(entry)), encoding="utf-8")
        self.entries.append(entry)


FACTS = "facts.txt"


def read_facts() -> dict[str, str]:
    """What is known of the run as a whole: what it was measured on, the seed."""
    file = folder() / FACTS
    return dict(line.split(": ", 1) for line in file.read_text(encoding="utf-8").splitlines()) if file.exists() else {}


def note(**facts: Any) -> None:
    """Keep facts of the run as a whole."""
    known = read_facts() | {name: str(value) for name, value in facts.items()}
    (folder() / FACTS).write_text("".join(f"{name}: {value}\n" for name, value in known.items()), encoding="utf-8")


def note_servers(servers: Servers) -> None:
    """Keep what the faults happened to, and on which machine."""
    note(measured_on=measured_on(servers), aio_pika=version("aio-pika"))


def read_entries() -> list[Entry]:
    """Every entry of the book, in the order of their numbers."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder().glob("*.json"))]
    return [Entry(**{**document, "counts": Counts(**document["counts"])}) for document in documents]
