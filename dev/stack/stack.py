"""The local stack: broker, database, workspace and services. `python -m dev.stack up|down`, by the Makefile."""

from __future__ import annotations

import argparse
import fcntl
import os
import shlex
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from dev.progress import say, step
from dev.runs.identity import is_running
from dev.runs.ledger import Ledger
from dev.runs.program import ProgramError
from dev.runs.session import sweep_abandoned
from dev.runs.sweep import sweep
from dev.servers.databases import DatabaseError
from dev.servers.management import ManagementError
from dev.servers.provider import NoServersError, start_servers
from dev.stack.processes import ROLE_OF, Service, ServiceProcess
from dev.stack.tokens import TokenIssuer
from dev.stack.workspace import ROLE_CONNECTIONS, Workspace, WorkspaceError, make_workspace
from dev.tree import RUN, run_folder, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FOLDER = RUN / "stack"
ENVIRONMENT_FILE = RUN / "stack.env"
REPLICAS_MAX = 32
OWNER, USER = "owner-1", "user-1"
FAILURES = (NoServersError, WorkspaceError, ManagementError, DatabaseError, ProgramError)


@dataclass(slots=True)
class Stack:
    """The services that run in a workspace, in the order they were started."""

    workspace: Workspace
    tokens: TokenIssuer = field(default_factory=TokenIssuer)
    services: list[ServiceProcess] = field(default_factory=list)

    def start(self, replicas: Mapping[Service, int], *, logs: Path | None = None) -> None:
        """Start so many of each and wait until all are ready; raises ProgramError with the log of one that is not."""
        started = [self._start(service, index + 1, logs) for service in replicas for index in range(replicas[service])]
        for process in started:
            process.wait_ready()

    def of(self, service: Service) -> list[ServiceProcess]:
        """Return the processes of one service."""
        return [process for process in self.services if process.service == service]

    def environment(self) -> dict[str, str]:
        """Return what a person or a script outside needs, as contract section 7 names it."""
        urls = self.workspace.virtual_host.role_urls
        http = self.of("config_service")
        return {
            "LOTWISE_AMQP_URL": self.workspace.virtual_host.amqp_url,
            "LOTWISE_RABBITMQ_API_URL": self.workspace.rabbitmq_api_url,
            "LOTWISE_DATABASE_URL": self.workspace.database_url,
            "LOTWISE_DATABASE_ROLE_PREFIX": self.workspace.name,
            "LOTWISE_DATABASE_ROLE_CONNECTIONS": str(ROLE_CONNECTIONS),
            "LOTWISE_HTTP_URL": http[0].http_url if http else "",
            "LOTWISE_OWNER_TOKEN": self.tokens.token(OWNER, "owner"),
            "LOTWISE_USER_TOKEN": self.tokens.token(USER, "user"),
            "LOTWISE_EA_BRIDGE_AMQP_URL": urls["ea-bridge"],
            "LOTWISE_SIGNAL_ENGINE_AMQP_URL": urls["signal-engine"],
            "LOTWISE_OWNER_AMQP_URL": urls["owner"],
            **{
                f"LOTWISE_{service.upper()}_PIDS": " ".join(str(process.pid) for process in self.of(service))
                for service in ROLE_OF
            },
            **self.tokens.environment(),
        }

    def _start(self, service: Service, number: int, logs: Path | None) -> ServiceProcess:
        settings = {
            "LOTWISE_AMQP_URL": self.workspace.virtual_host.role_urls[ROLE_OF[service]],
            "LOTWISE_DATABASE_URL": self.workspace.service_url(service),
            **(self.tokens.environment() if service == "config_service" else {}),
        }
        ledger = self.workspace.servers.ledger
        process = ServiceProcess(service, name=f"{service}-{number}", ledger=ledger, settings=settings, logs=logs)
        process.start()
        self.services.append(process)
        return process


def up(replicas: Mapping[Service, int]) -> int:
    """Start everything and leave it running; returns the exit status. Nothing stays where it fails half way."""
    with _one_at_a_time():
        if FOLDER.exists() and any(is_running(started.identity) for started in Ledger(FOLDER).processes()):
            say(f"The stack runs already ({shown(ENVIRONMENT_FILE)}); `make down` stops it.")
            return 1
        sweep(Ledger(FOLDER))  # of one that died
        sweep_abandoned()
        run_folder()
        ledger = Ledger.open(FOLDER, owner=None)
        try:
            _bring_up(ledger, replicas)
        except FAILURES as failure:
            sweep(ledger)
            sys.stderr.write(f"The stack did not come up; what was started is stopped again.\n{failure}\n")
            return 1
        except BaseException:
            sweep(ledger)
            raise
    return 0


def _bring_up(ledger: Ledger, replicas: Mapping[Service, int]) -> None:
    servers = start_servers(ledger, allow_containers=False, durable=True)
    with step("database migrated, topology declared"):
        stack = Stack(make_workspace(servers))
    with step(f"services: {', '.join(f'{count} {service}' for service, count in replicas.items())}"):
        stack.start(replicas)
    write_environment(ENVIRONMENT_FILE, stack.environment())
    say(f"The stack is up. Settings: {shown(ENVIRONMENT_FILE)}; logs: {shown(RUN / 'logs')}; stop it with `make down`.")


def down() -> int:
    """Stop and remove everything that `up`, or a killed run, has left; safe to repeat; returns the exit status."""
    with _one_at_a_time():
        was_there = FOLDER.exists()
        stopped = sweep(Ledger(FOLDER))
        ENVIRONMENT_FILE.unlink(missing_ok=True)
        for name in sweep_abandoned():
            say(f"Removed what {name} had left behind.")
    say(f"Stopped {stopped} processes and removed their data." if was_there else "Nothing was running.")
    return 0


def write_environment(file: Path, variables: Mapping[str, str]) -> None:
    """Write variables in shell syntax, readable by their owner only, whole or not at all."""
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.rename(file)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (run_folder() / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= REPLICAS_MAX):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {REPLICAS_MAX}")
    return int(text)


def _interrupt(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> int:
    """Read the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dev.stack", description="The local stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up")
    for service, default in {"sync_consumer": 1, "sizing_worker": 2, "config_service": 1}.items():
        starting.add_argument(
            f"--{service.replace('_', '-')}s", type=_count, default=default, dest=service, metavar="N"
        )
    commands.add_parser("down")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell's background jobs ignore SIGINT otherwise
        signal.signal(number, _interrupt)
    os.umask(0o022)
    if arguments.command == "down":
        return down()
    return up({service: getattr(arguments, service) for service in ROLE_OF})
