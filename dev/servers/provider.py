"""The one provider of broker and database: tried in a fixed order, each that fails says why in one line.

1. URLs in the environment   2. containers, where the caller allows them   3. private servers from local binaries
4. apt, then those. Never what the machine itself runs on 5432 and 5672, unless the environment names it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dev.packages import PackagesError, install
from dev.progress import say as say_line
from dev.progress import step
from dev.runs.program import ProgramError
from dev.runs.session import session
from dev.servers.broker import Broker, find_port_mapper, find_server
from dev.servers.errors import UnavailableError
from dev.servers.given import given_urls, is_anything_given
from dev.servers.ports import NoFreePortError
from dev.servers.postgres import Cluster, find_binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dev.progress import Say
    from dev.runs.ledger import Ledger

FORCE = "LOTWISE_TEST_PROVIDER"
ENVIRONMENT, CONTAINERS, BINARIES, PACKAGES = "environment", "containers", "binaries", "packages"
CHOICES = (ENVIRONMENT, CONTAINERS, BINARIES)
UNAVAILABLE = (UnavailableError, PackagesError, ProgramError, NoFreePortError, FileNotFoundError)


class NoServersError(Exception):
    """No provider worked; the reasons were said one by one."""


@dataclass(frozen=True, slots=True)
class Servers:
    """A broker and a database server, with privileged URLs; what stands in them already is not ours."""

    amqp_url: str = field(repr=False)
    rabbitmq_api_url: str = field(repr=False)
    database_url: str = field(repr=False)
    provider: str
    ledger: Ledger = field(repr=False)
    """What was made, for it to be removed."""
    metrics_url: str = ""
    """The broker's Prometheus listener; empty where it is not known to be there: only private servers have one."""

    @property
    def is_given(self) -> bool:
        """Tell whether they belong to somebody else: they are not stopped, and nothing in them is overwritten."""
        return self.provider == ENVIRONMENT


@contextmanager
def servers(*, allow_containers: bool, durable: bool = False, say: Say = say_line) -> Iterator[Servers]:
    """Provide servers for the length of the block; everything is removed afterwards, however this process ends.

    Raises NoServersError.
    """
    with session() as ledger:
        yield start_servers(ledger, allow_containers=allow_containers, durable=durable, say=say)


def start_servers(ledger: Ledger, *, allow_containers: bool, durable: bool, say: Say = say_line) -> Servers:
    """Start servers that end when the ledger is swept; `durable` makes a private database survive a machine's crash."""
    for name, start in _providers(ledger, allow_containers=allow_containers, durable=durable, say=say):
        try:
            with step(f"broker and database: {name}", say=say):
                return start()
        except UNAVAILABLE as error:
            say(f"  {name}: {error}")
    raise NoServersError("no broker and database could be had; the reasons stand above")


def prepare() -> None:
    """Install the binaries of private servers, so that it need not be done, unseen, by the first test.

    Wherever broker and database of the tests come from: faults are done to nodes made for them.
    """
    if missing_packages():
        _install_missing()


def _forced() -> str | None:
    choice = os.environ.get(FORCE) or None
    if choice not in (None, *CHOICES):
        raise NoServersError(f"{FORCE} is {choice!r}; it may be one of {', '.join(CHOICES)}")
    return choice


def _providers(
    ledger: Ledger, *, allow_containers: bool, durable: bool, say: Say
) -> list[tuple[str, Callable[[], Servers]]]:
    """Return who is tried, in order; each raises one of UNAVAILABLE."""
    forced = _forced()
    found: list[tuple[str, Callable[[], Servers]]] = []
    if forced == ENVIRONMENT or (forced is None and is_anything_given()):
        found.append((ENVIRONMENT, lambda: _from_environment(ledger)))
    if forced == CONTAINERS and not allow_containers:
        raise NoServersError(f"{FORCE} is {CONTAINERS!r}, and containers serve the tests only")
    if allow_containers and forced in (None, CONTAINERS):
        found.append((CONTAINERS, lambda: _from_containers(ledger, say)))
    if forced in (None, BINARIES):
        found.append((BINARIES, lambda: _from_binaries(ledger, durable=durable)))
        if missing_packages():
            found.append((PACKAGES, lambda: _from_packages(ledger, durable=durable)))
    return found


def _from_environment(ledger: Ledger) -> Servers:
    amqp_url, api_url, database_url = given_urls()
    return Servers(amqp_url, api_url, database_url, ENVIRONMENT, ledger)


def _from_containers(ledger: Ledger, say: Say) -> Servers:
    from dev.servers.containers import Containers, check_engine  # noqa: PLC0415  # slow, and not always needed

    check_engine(say)
    containers = Containers(ledger)
    containers.start()
    ledger.at_end(containers.discard)
    return Servers(containers.amqp_url, containers.api_url, containers.database_url, CONTAINERS, ledger)


def _from_binaries(ledger: Ledger, *, durable: bool) -> Servers:
    if missing := missing_packages():
        raise FileNotFoundError(f"not installed: {', '.join(missing)}")
    broker, cluster = Broker(ledger), Cluster(ledger, durable=durable)
    try:
        broker.launch()
        cluster.start()
        broker.wait_ready()
    except ProgramError:
        broker.discard()
        cluster.discard()
        raise
    return Servers(broker.amqp_url, broker.api_url, cluster.database_url, BINARIES, ledger, broker.metrics_url)


def _from_packages(ledger: Ledger, *, durable: bool) -> Servers:
    _install_missing()
    return _from_binaries(ledger, durable=durable)


def missing_packages() -> list[str]:
    """Return the system packages whose binaries are not there."""
    missing = []
    if find_server() is None or find_port_mapper() is None:
        missing.append("rabbitmq-server")
    if find_binaries() is None:
        missing.append("postgresql")
    return missing


def _install_missing() -> None:
    install(missing_packages(), purpose="broker and database binaries")


def main() -> int:
    """`python -m dev.servers`: install what the tests need, saying so; returns the exit status."""
    try:
        prepare()
    except (NoServersError, PackagesError) as failure:
        sys.stderr.write(f"Cannot get a broker and a database: {failure}\n")
        return 1
    return 0
