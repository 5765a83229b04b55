"""docs/messages.md, typed block by block into a shell: on a stack of `make up` its programs print what it shows."""

from __future__ import annotations

import pytest

from tests.documents.pages import Example, examples_of
from tests.documents.shell import Reader

EXAMPLES = examples_of("docs/messages.md", "sh", "python")
PROGRAMS = dict(
    zip(
        [example for example in EXAMPLES if example.language == "python"],
        ["bridge.py", "engine.py", "client.py"],
        strict=True,
    )
)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_program_of_the_page_prints_what_it_shows(reader: Reader, example: Example) -> None:
    if example is EXAMPLES[0]:
        assert reader.type("make up") == 0, reader.printed
    if name := PROGRAMS.get(example):
        reader.save(name, example.text)
    else:
        reader.follow(example)
