"""Programs that are measured, and the processor time that each part of the stack takes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.client import Outcome, Plan
from benchmarks.peers.settings import PREFETCH
from dev.runs.program import Program
from dev.stack.processes import ROLE_OF, Service, ServiceProcess, logs_folder
from dev.stack.workspace import Workspace
from dev.tree import ROOT

READY_TIMEOUT_S = 30.0
GRACE_S = 5.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def peer(workspace: Workspace, module: str, queue: str, *, prefetch: int) -> Iterator[int]:
    """Run a peer that serves `queue` for the length of the block, with the operator's rights; its pid."""
    log = logs_folder() / f"{module.rpartition('.')[2]}.log"
    log.unlink(missing_ok=True)
    program = Program(
        module,
        [sys.executable, "-m", module, queue],
        environment={
            **os.environ,
            "LOTWISE_AMQP_URL": workspace.virtual_host.amqp_url,
            "LOTWISE_DATABASE_URL": workspace.database_url,
            PREFETCH: str(prefetch),
        },
        log=log,
        ledger=workspace.servers.ledger,
        grace_s=GRACE_S,
    )
    program.start()
    try:
        program.wait_ready(lambda: "ready" in log.read_text(encoding="utf-8"), timeout_s=READY_TIMEOUT_S)
        yield program.pid
    finally:
        program.kill()


@contextmanager
def service(
    workspace: Workspace, name: Service, *, database_url: str | None = None, under: Sequence[str] = ()
) -> Iterator[ServiceProcess]:
    """Run one of the services for the length of the block, on another database if need be; see ServiceProcess."""
    process = ServiceProcess(
        name,
        name=f"bench-{name}",
        ledger=workspace.servers.ledger,
        settings={
            "LOTWISE_AMQP_URL": workspace.virtual_host.role_urls[ROLE_OF[name]],
            "LOTWISE_DATABASE_URL": workspace.service_url(name, database_url),
        },
        under=under,
    )
    process.start()
    try:
        process.wait_ready()
        yield process
    finally:
        process.terminate()


async def run_client(plan: Plan) -> Outcome:
    """Run the load in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", plan.program, json.dumps(asdict(plan)), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the client ended with {process.returncode}")
    return Outcome(**json.loads(output))


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time that these processes and their living descendants have taken, in seconds."""
    children: dict[int, list[int]] = {}
    taken: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        taken[pid] = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    waiting, total = list(pids), 0.0
    while waiting:
        pid = waiting.pop()
        total += taken.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """Stop a process for the length of the block, wherever it is."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def servers_pids(workspace: Workspace) -> dict[str, int]:
    """The private broker's and the private database's processes."""
    names = {"rabbitmq": "broker", "postgres": "database"}
    started = workspace.servers.ledger.processes()
    return {names[one.name]: one.identity.pid for one in started if one.name in names}
