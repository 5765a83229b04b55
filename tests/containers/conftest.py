"""One image and one project for all of them. Only `make test-all` runs these: without an engine they fail."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.engine import EngineError, Project, build, check_engine, docker, new_project

TIMEOUT_S = 1200
"""The first of them builds the image and starts everything."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They all need an engine, and time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The image of this checkout, built from its Dockerfile."""
    try:
        check_engine()
    except EngineError as error:
        pytest.fail(f"these tests need a Docker engine with Compose v2, and one that answers: {error}", pytrace=False)
    name = f"lotwise:test-{secrets.token_hex(4)}"
    build(name)
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(scope="session")
def project(image: str) -> Iterator[Project]:
    """All of docker-compose.yml, up and ready, Prometheus too; taken down at the end, and nothing is left of it."""
    made = new_project(image)
    try:
        made.compose("--profile", "monitoring", "up", "--detach", "--wait")
        yield made
    except EngineError as error:
        pytest.fail(f"{error}\n{made.compose('logs', '--tail', '20')}", pytrace=False)
    finally:
        made.compose("--profile", "monitoring", "down", "--volumes")
    assert made.leftovers() == ""
