"""docs/http-api.md, typed block by block into a shell: each call is answered as the page shows."""

from __future__ import annotations

import pytest

from tests.documents.pages import Example, examples_of
from tests.documents.shell import Reader

EXAMPLES = examples_of("docs/http-api.md", "sh", "python")
PROGRAM = "follow.py"
FOLLOWED = "(%s > followed & echo $! > pid); until grep -q } followed; do sleep 0.1; done; kill $(<pid); cat followed"
"""It does not end by itself."""
UNHEARD = ('"latency":null', '"parked":null')
"""In the overview, until a worker has announced its latency and the broker was asked, each every ten seconds."""


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_call_of_the_page_is_answered_as_it_shows(reader: Reader, example: Example) -> None:
    if example is EXAMPLES[0]:
        assert reader.type("make up") == 0, reader.printed
    if example.language == "python":
        reader.save(PROGRAM, example.text)
    elif PROGRAM in example.text:
        assert example.printed
        assert reader.type(FOLLOWED % example.text.strip()) == 0, reader.printed
        reader.compare(example.printed)
    else:
        if "/overview" in example.text:
            hear_all(reader, example)
        reader.follow(example)


def hear_all(reader: Reader, overview: Example) -> None:
    """Ask until nothing is unknown any more, not so often that the service refuses to answer."""
    assert reader.type(overview.text) == 0
    while any(what in reader.printed for what in UNHEARD):
        reader.type(f"sleep 0.5\n{overview.text}")
