"""What a page tells its reader to type, and what it says will be printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dev.tree import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = ("text", "json", "http")
"""The languages of blocks that show what the commands above them print."""


@dataclass(frozen=True, slots=True)
class Example:
    """A block of a page, and the block right after it where that shows what is printed."""

    page: str
    line: int
    language: str
    text: str
    printed: str | None

    def __str__(self) -> str:
        """For the name of a test: where it stands, and how it begins."""
        return f"{self.page}:{self.line} {self.text.split(maxsplit=1)[0]}"


def examples_of(page: str, *languages: str) -> tuple[Example, ...]:
    """The blocks of a page in these languages, in their order; raises ValueError where it has none."""
    found = tuple(one for one in _examples(page) if one.language in languages)
    if not found:
        raise ValueError(f"{page} has no block of {' or '.join(languages)}")
    return found


def commands_of(page: str, head: str, *, program: str) -> tuple[Example, ...]:
    """The commands of a program in the table under a head, in their order; raises ValueError where it has none."""
    before, _, table = (ROOT / page).read_text(encoding="utf-8").partition(head)
    rows = enumerate(table.partition("\n\n")[0].splitlines(), before.count("\n") + 1)
    commands = re.compile(rf"`({program} [^`]+)`")
    found = tuple(Example(page, line, "sh", text, None) for line, row in rows for text in commands.findall(row))
    if not found:
        raise ValueError(f"{page} has no table {head} with a command of {program}")
    return found


def _examples(page: str) -> Iterator[Example]:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        is_printed = following and following[1] in PRINTED and not text[block.end() : following.start()].strip()
        printed = following[2] if following and is_printed else None
        yield Example(page, text.count("\n", 0, block.start()) + 1, block[1], block[2], printed)
