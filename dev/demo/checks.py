"""Is what was shown what the database holds? Each check compares the record of the show with the facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from dev.demo.simulated_accounts import terminals
from dev.demo.story import RISK_AFTER, RISK_BEFORE, SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dev.demo.database import AccountRow, AuditRow, Facts
    from dev.demo.simulator import Asked
    from dev.demo.story import Story
    from shared.schemas.account import AccountSnapshot
    from shared.schemas.sizing import SizingDecision

REFUSALS_SHOWN = frozenset({"insufficient_margin", "account_stale"})

VOLUME_STEP = Decimal("0.01")
"""Of every instrument in the simulation."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what is off: nothing, if all is well."""

    what: str
    faults: tuple[str, ...]


def accounts_match(accounts: list[AccountRow], snapshots: Mapping[str, AccountSnapshot]) -> list[str]:
    """What differs between the accounts in the database and the last snapshots that were published."""
    rows = {row.user_id: row for row in accounts}
    if set(rows) != set(snapshots):
        return [f"accounts of {sorted(rows)} instead of {sorted(snapshots)}"]
    return [
        f"{user}: {_words(_figures_of_row(rows[user]))}; sent {_words(_figures_of_snapshot(snapshot))}"
        for user, snapshot in snapshots.items()
        if _figures_of_row(rows[user]) != _figures_of_snapshot(snapshot)
    ]


def check(story: Story, facts: Facts, parked: Mapping[str, int]) -> list[Check]:
    """Every check, each with what is off. `parked` counts the messages in each parking queue."""
    count = len(story.asked)
    questions: dict[str, Callable[[], Iterator[str]]] = {
        f"{count} decisions, {count} audit rows: same lots, risk, margin, reason, version": (
            lambda: _audit_faults(story, facts)
        ),
        f"{len(facts.accounts)} accounts stand at the last snapshot that was sent": (
            lambda: iter(accounts_match(facts.accounts, story.last_snapshots))
        ),
        f"{story.published} account messages, as many rows in the sync log, none refused": (
            lambda: _sync_log_faults(story, facts)
        ),
        f"the dial stands at {RISK_AFTER} %, its history names owner and version": (lambda: _dial_faults(story, facts)),
        f"{len(story.after())} asked after the owner had the reply, none decided at {RISK_BEFORE} %": (
            lambda: _version_faults(story)
        ),
        "at half the risk half the lots, to within one volume step": lambda: _halving_faults(story),
        "refused as they must be: too little margin, a stale account": lambda: _refusal_faults(story, facts),
        f"{len(story.outcomes)} outcomes reported, as many remembered": (lambda: _outcome_faults(story, facts)),
        "no message was parked": lambda: (f"{number} in {queue}" for queue, number in parked.items() if number),
    }
    return [Check(what, tuple(faults())) for what, faults in questions.items()]


def _audit_faults(story: Story, facts: Facts) -> Iterator[str]:
    rows = {row.request_id: row for row in facts.audit}
    for request_id, times in Counter(row.request_id for row in facts.audit).items():
        if times > 1:
            yield f"{request_id} has {times} audit rows"
    for asked in story.asked:
        row = rows.pop(asked.request.request_id, None)
        if row is None:
            yield f"{asked.request.request_id} has no audit row"
        elif _recorded(row) != _shown(asked.decision):
            shown, recorded = _words(_shown(asked.decision)), _words(_recorded(row))
            yield f"{asked.request.request_id}: shown {shown}; recorded {recorded}"
    yield from (f"{request_id} has an audit row, and was not shown" for request_id in rows)


def _shown(decision: SizingDecision) -> tuple[object, ...]:
    volumes: list[Decimal | None] = [position.volume for position in decision.positions]
    reason = decision.reasons[0].code if decision.reasons else None
    summary = decision.summary
    return (
        decision.status == "approved",
        reason,
        decision.config_version,
        summary.global_risk_percent,
        *(volumes + [None] * (3 - len(volumes))),
        summary.total_stop_loss_amount,
        summary.total_margin_required,
    )


def _recorded(row: AuditRow) -> tuple[object, ...]:
    return (
        row.setup_approved,
        row.rejection_reason,
        row.config_version,
        row.global_risk_percent,
        row.entry_1_volume,
        row.entry_2_volume,
        row.entry_3_volume,
        row.total_stop_loss_amount,
        row.total_margin_required,
    )


def _figures_of_row(row: AccountRow) -> tuple[object, ...]:
    money = (row.balance, row.equity, row.margin_used, row.margin_free)
    return (*money, row.open_positions_count, row.total_positions_volume, row.last_synced_at)


def _figures_of_snapshot(snapshot: AccountSnapshot) -> tuple[object, ...]:
    money = (snapshot.balance, snapshot.equity, snapshot.margin_used, snapshot.margin_free)
    return (*money, snapshot.open_positions_count, snapshot.total_positions_volume, snapshot.captured_at)


def _sync_log_faults(story: Story, facts: Facts) -> Iterator[str]:
    if facts.sync_log.get("refused", 0):
        yield f"{facts.sync_log['refused']} were refused"
    if sum(facts.sync_log.values()) != story.published:
        yield f"the sync log has {sum(facts.sync_log.values())} rows"


def _dial_faults(story: Story, facts: Facts) -> Iterator[str]:
    if story.turn is None or story.turn.result.status != "applied":
        yield f"the owner's command was answered {story.turn and story.turn.result.reasons}"
        return
    expected = (story.turn.result.config_version, RISK_AFTER, story.turn.result.updated_by)
    if facts.risk_percent != RISK_AFTER:
        yield f"risk_configuration holds {facts.risk_percent}"
    if facts.history[-1] != expected:
        yield f"the history ends with {_words(facts.history[-1])} instead of {_words(expected)}"


def _version_faults(story: Story) -> Iterator[str]:
    version = story.turn.result.config_version if story.turn else None
    for asked in story.after():
        if asked.decision.config_version != version or asked.decision.summary.global_risk_percent != RISK_AFTER:
            yield f"{asked.setup.user} was decided under version {asked.decision.config_version}"
    for asked in story.before():
        if asked.decision.summary.global_risk_percent != RISK_BEFORE:
            yield f"{asked.setup.user} was decided at {asked.decision.summary.global_risk_percent} % too early"


def _halving_faults(story: Story) -> Iterator[str]:
    before, after = _approved(story.before()), _approved(story.after())
    both = before.keys() & after.keys()
    if len(both) < len(terminals()) - len(REFUSALS_SHOWN):
        yield f"only {sorted(both)} were approved before and after"
    for user in sorted(both):
        halves = {half.entry_number: half.volume for half in after[user].positions}
        for full in before[user].positions:
            if not 0 <= full.volume / 2 - halves.get(full.entry_number, Decimal(0)) < VOLUME_STEP:
                yield f"{user}, entry {full.entry_number}: {full.volume} became {halves.get(full.entry_number)}"


def _approved(asked: list[Asked]) -> dict[str, SizingDecision]:
    return {one.setup.user: one.decision for one in asked if one.decision.status == "approved"}


def _refusal_faults(story: Story, facts: Facts) -> Iterator[str]:
    codes = {reason.code for asked in story.asked for reason in asked.decision.reasons}
    if codes != REFUSALS_SHOWN:
        yield f"the reasons were {sorted(codes)}"
    yield from (
        f"{row.user_id}'s account is {row.sync_status}"
        for row in facts.accounts
        if row.sync_status != ("stale" if row.user_id == SILENT else "active")
    )


def _outcome_faults(story: Story, facts: Facts) -> Iterator[str]:
    told = {(outcome.request_id, str(outcome.outcome)) for outcome in story.outcomes}
    if facts.outcomes != told:
        yield f"{len(told - facts.outcomes)} are missing, {len(facts.outcomes - told)} are not ours"


def _words(values: tuple[object, ...]) -> str:
    return " ".join(str(value) for value in values)
