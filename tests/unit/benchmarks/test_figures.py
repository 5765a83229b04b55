"""Medians over the rounds, processor time, what many accounts need, and where samples belong."""

import pytest

from benchmarks.attribution import COMMIT, DECIDE, DRIVER, LOAD, LOOP, REST, shares, stage
from benchmarks.capacity import cores
from benchmarks.client import Outcome
from benchmarks.disk import Written
from benchmarks.draining import TAKING_IN
from benchmarks.filling import Snapshots
from benchmarks.load import BROKER, DATABASE, SERVER, Round, Run
from benchmarks.memory import MIB, MemoryFigures, Moment

LOOP_FRAME = ("/usr/lib/python3.11/asyncio/base_events.py", "BaseEventLoop._run_once")
MAIN = ("/x/services/sizing_worker/__main__.py", "main")
HANDLER = ("/x/services/sizing_worker/handler.py", "SizingHandler.__call__")
DRIVER_FRAME = ("/x/asyncpg/connection.py", "Connection.fetch")


def _round(answered: int, p99_s: float) -> Round:
    latencies = [0.0] * 990 + [p99_s] * 11
    return Round(Outcome(answered, answered, answered, 1.0, latencies, 0.5), {SERVER: answered / 1e6}, Written(0, 0))


def test_a_run_is_the_median_of_its_rounds() -> None:
    run = Run((_round(100, 0.3), _round(300, 0.1), _round(200, 0.2)))

    assert (run.throughput, run.latency_s(99), run.cpu_s[SERVER]) == (200, 0.2, 200 / 1e6)


def test_many_accounts_need_so_many_times_the_cost_of_one_message() -> None:
    cost = {SERVER: 0.0001, BROKER: 0.00002, TAKING_IN: 0.00003, DATABASE: 0.00004}

    assert cores(cost, per_s=1000) == pytest.approx({"consumers": 0.1, "broker": 0.05, "database": 0.04})


def test_snapshots_in_a_row_take_turns_by_account() -> None:
    snapshots = Snapshots(count=8, accounts=3, in_a_row=2)

    assert [snapshots.account(number) for number in range(8)] == [1, 1, 2, 2, 3, 3, 1, 1]


def test_growth_counts_from_a_twentieth_of_the_messages() -> None:
    moments = [Moment(0, 50 * MIB), Moment(50_000, 100 * MIB), Moment(1_000_000, 104 * MIB)]

    assert MemoryFigures({"worker": moments}).growth("worker") == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ([("/x/shared/sizing/decision.py", "decide"), HANDLER], DECIDE),
        (
            [("/x/shared/schemas/values.py", "text"), ("/x/shared/sizing/decision.py", "decide"), HANDLER],
            DECIDE,
        ),
        ([DRIVER_FRAME, ("/x/services/sizing_worker/store.py", "load_situation"), HANDLER], LOAD),
        ([DRIVER_FRAME, ("/x/shared/database/transaction.py", "driver_transaction")], COMMIT),
        ([DRIVER_FRAME, HANDLER], DRIVER),
        ([HANDLER], REST),
        ([LOOP_FRAME], LOOP),
    ],
)
def test_a_sample_belongs_to_the_stage_that_it_is_within(inner: list[tuple[str, str]], expected: str) -> None:
    assert stage([*inner, LOOP_FRAME, MAIN]) == expected


def test_shares_are_of_all_samples() -> None:
    assert shares([([HANDLER], 3), ([LOOP_FRAME], 1)]) == {LOOP: 0.25, REST: 0.75}
