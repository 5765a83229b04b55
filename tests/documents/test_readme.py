"""The README and the page of the bridge, typed block by block into a shell: a stranger gets what they promise."""

from __future__ import annotations

import pytest

from tests.documents.pages import Example, examples_of
from tests.documents.shell import Reader

SEE_AND_TEST = "make demo\nmake test\n"
"""Whoever types the second runs this test."""
README = examples_of("README.md", "sh", "python")
BRIDGE = examples_of("examples/ea_bridge/README.md", "sh")


@pytest.mark.parametrize("example", [*README, *BRIDGE], ids=str)
def test_a_block_of_the_readme_does_what_it_says(reader: Reader, example: Example) -> None:
    if example.text == SEE_AND_TEST:
        assert reader.type("make demo") == 0, reader.printed
    elif example.language == "python":
        reader.save("first.py", example.text)
    else:
        reader.follow(example)
