"""The dial against a model of it: changes, plans, repetitions, restarts, lost and late broadcasts, in any order.

Two replicas of the config service and two workers, on a real database. The model is a list of versions and a dict of
plans; whatever happens, an answer is the model's, and a decision is made under the model's newest version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.config_service.schedule import Ended
from services.config_service.verdict import Applied, Cancelled, Order, Planned, Refused, Verdict, result
from services.sizing_worker.configuration import CurrentConfiguration
from services.sizing_worker.handler import SizingHandler
from shared.database.engine import asyncpg_url
from shared.messaging.outcomes import Ack
from shared.schemas.config import AnyCommand, ConfigChanged
from shared.schemas.sizing import SizingDecision
from shared.sizing.configuration import Rules
from tests import builders
from tests.integration.config_service.dials import GRACE_S, Dial, command, plan
from tests.integration.conftest import EMPTY

EXAMPLES = 60
STEPS = 40
PERCENTS = st.decimals("0.1", "50", places=2)
REPLICAS = st.integers(0, 1)
WORKERS = st.integers(0, 1)
AHEAD_S = 3600.0
"""Plans lie an hour ahead; only `time_passes` brings them near."""

ResultT = TypeVar("ResultT")


class Worker:
    """A sizing worker: its memory, and the broadcasts that are on their way to it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.current = CurrentConfiguration()
        self.handler = SizingHandler(engine, self.current, rules=Rules(), request_s=60)
        self.on_the_way: list[ConfigChanged] = []


class DialMachine(RuleBasedStateMachine):
    """What owners, clock, broker and operator may do, and what must hold after each."""

    commands = Bundle("commands")
    plans = Bundle("plans")

    database_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.engine = create_async_engine(asyncpg_url(self.database_url), pool_size=4)

    @initialize()
    def the_first_version_is_in_force(self) -> None:
        self.run(self.empty())
        self.dials = [Dial(self.engine), Dial(self.engine)]
        self.workers = [Worker(self.engine), Worker(self.engine)]
        self.versions = [self.run(self.dials[0].changes.current())]
        self.planned: dict[UUID, tuple[Decimal, timedelta]] = {}
        """Percent, and time to go, of what is planned."""
        self.answers: dict[str, tuple[AnyCommand, bytes]] = {}

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self.runner.run(work)

    async def empty(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(EMPTY)

    def give(self, replica: int, given: AnyCommand) -> Verdict:
        verdict = self.run(self.dials[replica].give(given))
        if not isinstance(verdict, Refused):
            self.answers[given.command_id] = given, result(given.command_id, verdict).to_json()
        return verdict

    def made(self, config: ConfigChanged) -> None:
        """A version was made: the next, and on its way to every worker."""
        assert config.config_version == self.versions[-1].config_version + 1
        self.versions.append(config)
        for worker in self.workers:
            worker.on_the_way.append(config)

    @rule(target=commands, replica=REPLICAS, percent=PERCENTS)
    def the_owner_turns_the_dial(self, replica: int, percent: Decimal) -> str:
        verdict = self.give(replica, given := command(new_risk_percent=str(percent)))

        assert isinstance(verdict, Applied)
        assert verdict.previous == self.versions[-1]
        assert verdict.config.fixed_risk_percent == percent
        self.made(verdict.config)
        return given.command_id

    @rule(replica=REPLICAS, behind=st.integers(0, 2))
    def the_owner_turns_the_dial_expecting_a_version(self, replica: int, behind: int) -> None:
        expected = max(self.versions[-1].config_version - behind, 1)
        verdict = self.give(replica, command(expected_version=expected))

        if expected == self.versions[-1].config_version:
            assert isinstance(verdict, Applied)
            self.made(verdict.config)
        else:
            assert isinstance(verdict, Refused)
            assert (verdict.code, verdict.config) == ("version_conflict", self.versions[-1])

    @rule(replica=REPLICAS, name=commands)
    def a_command_is_repeated(self, replica: int, name: str) -> None:
        given, answer = self.answers[name]

        verdict = self.run(self.dials[replica].give(given))

        assert result(name, verdict).to_json() == answer

    @rule(replica=REPLICAS, name=commands)
    def a_command_id_is_used_for_something_else(self, replica: int, name: str) -> None:
        verdict = self.run(self.dials[replica].give(command(command_id=name, new_risk_percent="0.123")))

        assert isinstance(verdict, Refused)
        assert verdict.code == "command_id_conflict"

    @rule(replica=REPLICAS)
    def an_old_command_is_never_applied_late(self, replica: int) -> None:
        order = Order(command(), "owner-1", datetime.now(UTC) - timedelta(seconds=31))

        verdict = self.run(self.dials[replica].changes.apply(order))

        assert isinstance(verdict, Refused)
        assert verdict.code == "expired"

    @rule(target=plans, replica=REPLICAS, percent=PERCENTS)
    def the_owner_plans_a_change(self, replica: int, percent: Decimal) -> UUID:
        verdict = self.give(replica, plan(ahead_s=AHEAD_S, new_risk_percent=str(percent)))

        assert isinstance(verdict, Planned)
        self.planned[verdict.schedule.schedule_id] = percent, timedelta(seconds=AHEAD_S)
        return verdict.schedule.schedule_id

    @rule(replica=REPLICAS, schedule_id=consumes(plans))
    def the_owner_takes_a_plan_back(self, replica: int, schedule_id: UUID) -> None:
        verdict = self.run(self.dials[replica].cancel(schedule_id))

        if self.planned.pop(schedule_id, None):
            assert isinstance(verdict, Cancelled)
        else:
            assert isinstance(verdict, Refused)
            assert verdict.code == "unknown_schedule"

    @rule(minutes=st.sampled_from([20, 61, 120]))
    def time_passes(self, minutes: int) -> None:
        passed = timedelta(minutes=minutes)
        self.run(self.dials[0].let_pass(passed.total_seconds()))
        self.planned = {key: (percent, to_go - passed) for key, (percent, to_go) in self.planned.items()}

    @rule(replica=REPLICAS)
    def the_clock_looks(self, replica: int) -> None:
        turn = self.run(self.dials[replica].end_due())

        due = sorted((to_go, key) for key, (_, to_go) in self.planned.items() if to_go <= timedelta(0))
        if not due:
            assert not isinstance(turn, Ended)
            return
        assert isinstance(turn, Ended)
        percent, to_go = self.planned.pop(turn.schedule.schedule_id)
        # Within a second of each other, the order of planning and of the clocks decides; the model has neither.
        assert to_go <= due[0][0] + timedelta(seconds=1)
        if -to_go > timedelta(seconds=GRACE_S):
            assert turn.schedule.state == "missed"
        else:
            assert turn.applied is not None
            assert turn.applied.config.fixed_risk_percent == percent
            self.made(turn.applied.config)

    @rule(replica=REPLICAS)
    def a_config_service_restarts(self, replica: int) -> None:
        self.dials[replica] = Dial(self.engine)

    @rule(worker=WORKERS)
    def a_worker_restarts(self, worker: int) -> None:
        self.workers[worker] = Worker(self.engine)

    @rule(worker=WORKERS, which=st.integers(0, 100), lost=st.booleans())
    def a_broadcast_arrives_in_any_order_or_is_lost(self, worker: int, which: int, *, lost: bool) -> None:
        on_the_way = self.workers[worker].on_the_way
        if on_the_way:
            broadcast = on_the_way.pop(which % len(on_the_way))
            if not lost:
                self.workers[worker].current.hear(broadcast)

    @rule(worker=WORKERS)
    def a_decision_is_made_under_the_newest_version(self, worker: int) -> None:
        request = builders.request(user_id="u-1")

        (outcome,) = self.run(self.workers[worker].handler([builders.delivery(request)]))

        assert isinstance(outcome, Ack)
        assert outcome.reply is not None
        decision = SizingDecision.model_validate_json(outcome.reply.body)
        assert decision.config_version == self.versions[-1].config_version
        assert decision.summary.global_risk_percent == self.versions[-1].fixed_risk_percent

    @invariant()
    def what_is_in_force_is_the_models_newest(self) -> None:
        assert self.run(self.dials[1].changes.current()) == self.versions[-1]

    @invariant()
    def no_worker_is_ahead_of_what_was_committed(self) -> None:
        for worker in self.workers:
            held = worker.current.value
            assert held is None or held.version <= self.versions[-1].config_version

    def teardown(self) -> None:
        history = self.run(self.dials[0].versions()) if hasattr(self, "dials") else []
        self.run(self.engine.dispose())
        self.runner.close()
        if history:
            assert [row.config_version for row in history] == [one.config_version for one in self.versions]
            assert [row.fixed_risk_percent for row in history] == [one.fixed_risk_percent for one in self.versions]


def test_whatever_happens_the_dial_does_what_its_model_says(handlers_database_url: str) -> None:
    class Here(DialMachine):
        database_url = handlers_database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
