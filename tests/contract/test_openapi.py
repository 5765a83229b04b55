"""The OpenAPI document is what others build on: a change of it is made on purpose, and seen.

`python -m tests.contract.test_openapi` writes the golden document anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared import __version__
from tests.application import application, unreachable_engine

GOLDEN = Path(__file__).with_name("openapi.json")


def document() -> dict[str, Any]:
    """The document without the release's version, which changes with every release."""
    told = application(unreachable_engine()).openapi()
    assert told["info"]["version"] == __version__
    return {**told, "info": {"title": told["info"]["title"]}}


def test_the_openapi_document_is_the_golden_one() -> None:
    assert document() == json.loads(GOLDEN.read_text())


def test_every_route_under_api_but_health_asks_for_a_token() -> None:
    open_paths = [
        path
        for path, operations in document()["paths"].items()
        if any("security" not in o for o in operations.values())
    ]

    assert open_paths == ["/api/v1/trading/health"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
