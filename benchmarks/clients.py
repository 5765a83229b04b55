"""What the product's client costs beside the lean one of the other suites: the same requests to the same worker."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.load import Load, Run, Say, by_turns
from benchmarks.population import populate
from benchmarks.sizing import ACCOUNTS, IN_FLIGHT, RESERVATIONS, ROUNDS, ROUNDS_QUICK, sizing_plan
from dev.stack.stack import Stack

LEAN, OURS = "lean client", "SizingClient"
PROGRAM = "benchmarks.sizing_client"


@dataclass(frozen=True, slots=True)
class ClientsFigures:
    """Runs by client: with many requests in flight, and one at a time."""

    many: dict[str, Run]
    one: dict[str, Run]


async def measure_clients(stack: Stack, *, scale: float, say: Say) -> ClientsFigures:
    """Both clients by turns on a stack whose one sizing worker runs already."""
    workspace = stack.workspace
    await populate(workspace.database_url, accounts=ACCOUNTS, reservations=RESERVATIONS)
    pids = tuple(worker.pid for worker in stack.of("sizing_worker"))
    rounds = ROUNDS if scale >= 1 else ROUNDS_QUICK
    runs = []
    for in_flight in (IN_FLIGHT, 1):
        lean = sizing_plan(workspace, scale=scale, in_flight=in_flight)
        loads = {
            name: Load(plan, pids, workspace.database_url)
            for name, plan in {LEAN: lean, OURS: replace(lean, program=PROGRAM)}.items()
        }
        runs.append(await by_turns(workspace, f"{in_flight} in flight", loads, rounds=rounds, say=say))
    return ClientsFigures(*runs)
