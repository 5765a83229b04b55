"""deploy/README.md and docs/operations.md, typed block by block into a shell: from the first start to a restore.

Then the table of deploy/README.md, whose last row takes everything down.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from dev.tree import ROOT
from tests.containers.engine import Project, docker, new_project
from tests.documents.pages import Example, commands_of, examples_of
from tests.documents.shell import Reader, reading

DEPLOY = examples_of("deploy/README.md", "sh")
OPERATIONS = examples_of("docs/operations.md", "sh", "python")
TABLE = commands_of("deploy/README.md", "| to | do |", program="docker compose")
ELSEWHERE = shutil.ignore_patterns(".*_cache", ".git", ".hypothesis", ".run", ".venv", "__pycache__", "mutants")
PORTS = {
    "LOTWISE_AMQP_PORT": 5672,
    "LOTWISE_MANAGEMENT_PORT": 15672,
    "LOTWISE_HTTP_PORT": 8080,
    "LOTWISE_PROMETHEUS_PORT": 9090,
}
CHANGED = ("LOTWISE_SIZING_WORKER_PASSWORD", "LOTWISE_SYNC_CONSUMER_DATABASE_PASSWORD", "LOTWISE_JWT_SECRET")
PAGE_OF_THE_BROKER = """
RABBITMQ_PASSWORD=$(sed -n 's/^RABBITMQ_PASSWORD=//p' .env)
curl --fail --silent --user "lotwise-operator:$RABBITMQ_PASSWORD" http://127.0.0.1:15672/api/whoami
"""


@pytest.fixture(scope="module")
def followed(image: str) -> Iterator[Project]:
    """What the pages start, under a name and on ports of its own; taken down at the end, and nothing is left of it."""
    made = new_project(f"{image}-own")
    try:
        yield made
    finally:
        made.compose("--profile", "monitoring", "down", "--volumes", "--remove-orphans", "--timeout", "30")
        docker("image", "rm", "--force", f"{image}-own", f"{image}-next")
    assert made.leftovers() == ""


@pytest.fixture(scope="module")
def reader(image: str, followed: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """An operator in a copy of the checkout."""
    folder = shutil.copytree(ROOT, tmp_path_factory.mktemp("checkout") / "lotwise", ignore=ELSEWHERE)
    own = followed.settings["LOTWISE_IMAGE"]
    given = {name: followed.settings[name] for name in [*PORTS, "LOTWISE_IMAGE"]}
    given |= {"COMPOSE_PROJECT_NAME": followed.name, "COMPOSE_PROGRESS": "quiet"}
    with reading(folder, {**os.environ, **given}) as reader:
        for name, port in PORTS.items():
            reader.calls(f"127.0.0.1:{port}", f"127.0.0.1:{given[name]}")
        reader.calls("lotwise:local", own)
        reader.calls("lotwise:next", f"{image}-next")
        reader.calls("logs --follow", "logs")  # which does not end by itself
        yield reader


@pytest.mark.parametrize("example", [*DEPLOY, *OPERATIONS], ids=str)
def test_a_step_of_the_pages_can_be_taken_as_it_is_written(reader: Reader, example: Example) -> None:
    if example.language == "python":
        reader.save("first.py", example.text)
    else:
        reader.follow(example)


def test_the_brokers_own_page_lets_its_operator_in(reader: Reader) -> None:
    assert reader.type(PAGE_OF_THE_BROKER) == 0, reader.printed
    assert '"lotwise-operator"' in reader.printed


@pytest.mark.parametrize("example", TABLE, ids=str)
def test_a_command_of_the_table_does_what_its_row_says(reader: Reader, example: Example) -> None:
    if example.text == "docker compose up --detach --wait":
        for name in CHANGED:  # as the row says: in `.env`
            assert reader.type(f'sed -i "s/^{name}=.*/{name}=$(openssl rand -hex 32)/" .env') == 0, reader.printed
    reader.follow(example)


def test_the_last_row_leaves_nothing(followed: Project) -> None:
    assert followed.leftovers() == ""
