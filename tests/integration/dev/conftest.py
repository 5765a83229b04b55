"""Private servers for the tests of what provides them: one broker and one cluster for the whole folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dev.ports import LOOPBACK, free_ports
from dev.servers import Servers, servers
from dev.workspace import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator


class Provided(NamedTuple):
    """Servers, and what was said on the way to them."""

    servers: Servers
    said: list[str]


@pytest.fixture(scope="session")
def provided() -> Iterator[Provided]:
    """Servers asked for while the environment names some that nobody can reach."""
    nobody_s = free_ports(1)[0]
    said: list[str] = []
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LOTWISE_AMQP_URL", f"amqp://user:secret@{LOOPBACK}:{nobody_s}/")
        environment.setenv("LOTWISE_DATABASE_URL", f"postgresql://user:secret@{LOOPBACK}:{nobody_s}/postgres")
        environment.delenv("LOTWISE_TEST_PROVIDER", raising=False)
        with servers(allow_containers=False, say=said.append) as private:
            yield Provided(private, said)


@pytest.fixture(scope="session")
def place(provided: Provided) -> Iterator[Workspace]:
    """A workspace in them."""
    with workspace(provided.servers) as made:
        yield made
