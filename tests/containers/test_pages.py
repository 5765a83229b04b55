"""deploy/README.md and docs/operations.md, typed block by block into a shell: from the first start to a restore."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator

import pytest

from dev.servers.ports import free_ports
from dev.tree import ROOT
from tests.containers.engine import docker
from tests.documents.pages import Example, examples_of
from tests.documents.shell import Reader, reading

DEPLOY = examples_of("deploy/README.md", "sh")
OPERATIONS = examples_of("docs/operations.md", "sh", "python")
ELSEWHERE = shutil.ignore_patterns(".*_cache", ".git", ".hypothesis", ".run", ".venv", "__pycache__", "mutants")
PORTS = {"LOTWISE_AMQP_PORT": 5672, "LOTWISE_MANAGEMENT_PORT": 15672, "LOTWISE_HTTP_PORT": 8080}


@pytest.fixture(scope="module")
def reader(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """An operator in a copy of the checkout; nothing of what the pages have started is left at the end."""
    folder = shutil.copytree(ROOT, tmp_path_factory.mktemp("checkout") / "lotwise", ignore=ELSEWHERE)
    own, project = f"{image}-own", f"lotwise-test-{secrets.token_hex(4)}"
    given = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    given |= {"COMPOSE_PROJECT_NAME": project, "COMPOSE_PROGRESS": "quiet", "LOTWISE_IMAGE": own}
    with reading(folder, {**os.environ, **given}) as reader:
        for name, port in PORTS.items():
            reader.calls(f"127.0.0.1:{port}", f"127.0.0.1:{given[name]}")
        reader.calls("lotwise:local", own)
        reader.calls("lotwise:next", f"{image}-next")
        reader.calls("logs --follow", "logs")  # which does not end by itself
        yield reader
        reader.type("docker compose down --volumes --timeout 30")
        docker("image", "rm", "--force", own, f"{image}-next")


@pytest.mark.parametrize("example", [*DEPLOY, *OPERATIONS], ids=str)
def test_a_step_of_the_pages_can_be_taken_as_it_is_written(reader: Reader, example: Example) -> None:
    if example.language == "python":
        reader.save("first.py", example.text)
    else:
        reader.follow(example)
