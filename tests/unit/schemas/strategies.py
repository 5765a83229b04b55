"""Any message, field by field, for properties that must hold for every one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

from hypothesis import strategies as st
from pydantic import BaseModel

from shared.schemas.account import (
    AccountInstruments,
    AccountKey,
    AccountRefused,
    AccountSnapshot,
    InstrumentsAccount,
    MarginMode,
    SnapshotAccount,
)
from shared.schemas.config import (
    CancelSchedule,
    ConfigChanged,
    ConfigCommand,
    ConfigResult,
    EntrySplits,
    Schedule,
    ScheduleRiskPercent,
    SetEntrySplits,
    SetMarginBuffer,
    SetRiskPercent,
    WorkerState,
)
from shared.schemas.instrument import CalcMode, InstrumentSpec
from shared.schemas.latency import LatencyCount, WorkerLatency
from shared.schemas.reasons import Reason, SizingReasonCode
from shared.schemas.sizing import (
    BindingLimit,
    DecidedAccount,
    Entry,
    Position,
    SizingDecision,
    SizingOutcome,
    SizingRequest,
    Summary,
)

ANY_DECIMAL = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(-(10**20), 10**20),
    st.integers(0, 15),
)
NOT_NEGATIVE = ANY_DECIMAL.map(abs)
POSITIVE = NOT_NEGATIVE.filter(bool)
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NAMES = st.text(st.characters(categories=("L", "M", "N", "P", "S")), min_size=1, max_size=128)
TEXTS = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=500)
CURRENCIES = st.from_regex(r"[A-Z]{3,5}", fullmatch=True)
LOGINS = st.integers(1, 2**63 - 1)
LEVERAGES = st.integers(0, 2**31 - 1)
VERSIONS = st.integers(1, 2**31 - 1)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """A value or null."""
    return st.none() | values


def made(model: type[BaseModel], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[BaseModel]:
    """A valid message, read from its fields as Python has them."""
    return st.fixed_dictionaries(fields).map(model.model_validate)


KEYS = made(AccountKey, login=LOGINS, server=NAMES)
SNAPSHOTS = made(
    AccountSnapshot,
    user_id=NAMES,
    account=made(
        SnapshotAccount,
        login=LOGINS,
        server=NAMES,
        broker=NAMES,
        currency=CURRENCIES,
        currency_digits=maybe(st.integers(0, 8)),
        leverage=LEVERAGES,
        is_demo=st.booleans(),
        margin_mode=st.sampled_from(get_args(MarginMode)),
        trade_allowed=st.booleans(),
    ),
    balance=ANY_DECIMAL,
    equity=ANY_DECIMAL,
    margin_used=NOT_NEGATIVE,
    margin_free=ANY_DECIMAL,
    open_positions_count=st.integers(0, 2**31 - 1),
    total_positions_volume=NOT_NEGATIVE,
    captured_at=TIMES,
)
SPECS = made(
    InstrumentSpec,
    instrument=NAMES,
    symbol=NAMES,
    calc_mode=st.sampled_from(get_args(CalcMode)),
    digits=st.integers(0, 16),
    **dict.fromkeys(("contract_size", "tick_size", "tick_value", "volume_step"), POSITIVE),
    volume_min=st.just(Decimal("0.01")),
    volume_max=st.just(Decimal(50)),
    **dict.fromkeys(("volume_limit", "margin_initial", "margin_to_account", "profit_to_account"), maybe(POSITIVE)),
    **dict.fromkeys(("margin_rate_buy", "margin_rate_sell", "face_value", "margin_price"), maybe(POSITIVE)),
    **dict.fromkeys(("margin_per_lot_buy", "margin_per_lot_sell"), maybe(POSITIVE)),
    **dict.fromkeys(("currency_base", "currency_profit", "currency_margin"), CURRENCIES),
    commission_per_lot=NOT_NEGATIVE,
)
INSTRUMENTS = made(
    AccountInstruments,
    user_id=NAMES,
    account=made(InstrumentsAccount, login=LOGINS, server=NAMES, currency=CURRENCIES, leverage=LEVERAGES),
    captured_at=TIMES,
    instruments=st.lists(SPECS.map(lambda spec: spec.model_dump(mode="json")), min_size=1, max_size=3),
)
REFUSALS = made(
    AccountRefused, user_id=maybe(NAMES), account=maybe(KEYS), captured_at=maybe(TIMES), code=st.just("invalid_message")
)
REQUESTS = made(
    SizingRequest,
    request_id=st.uuids(),
    user_id=NAMES,
    account=maybe(KEYS),
    setup_id=NAMES,
    instrument=NAMES,
    side=st.sampled_from(["buy", "sell"]),
    entries=st.lists(
        made(Entry, entry_price=POSITIVE, stop_loss=POSITIVE, take_profit=maybe(POSITIVE)), min_size=1, max_size=3
    ).map(tuple),
    conversion_rates=st.dictionaries(st.from_regex(r"[A-Z]{6}", fullmatch=True), POSITIVE, max_size=3),
    on_insufficient_margin=st.sampled_from(["reject", "shrink"]),
    expires_at=maybe(TIMES),
)
REASONS = st.lists(
    made(Reason, code=st.sampled_from(get_args(SizingReasonCode)), message=TEXTS, field=maybe(TEXTS)), max_size=2
).map(tuple)
POSITIONS = made(
    Position,
    entry_number=st.integers(1, 3),
    **dict.fromkeys(("volume", "entry_price", "stop_loss", "risk_budget", "loss_per_lot"), ANY_DECIMAL),
    take_profit=maybe(ANY_DECIMAL),
    **dict.fromkeys(("stop_loss_amount", "margin_required"), ANY_DECIMAL),
    binding_limit=st.sampled_from(get_args(BindingLimit)),
)
DECISIONS = made(
    SizingDecision,
    request_id=maybe(st.uuids()),
    **dict.fromkeys(("setup_id", "user_id", "instrument", "symbol"), maybe(NAMES)),
    account=maybe(made(DecidedAccount, login=LOGINS, server=NAMES, currency=CURRENCIES)),
    side=maybe(st.sampled_from(["buy", "sell"])),
    status=st.sampled_from(["approved", "rejected", "error"]),
    reasons=REASONS,
    positions=st.lists(POSITIONS, max_size=3).map(tuple),
    summary=made(Summary, **dict.fromkeys(Summary.model_fields, maybe(ANY_DECIMAL))),
    config_version=maybe(VERSIONS),
    captured_at=maybe(TIMES),
    decided_at=TIMES,
    reservation_expires_at=maybe(TIMES),
)
OUTCOMES = made(
    SizingOutcome,
    request_id=st.uuids(),
    outcome=st.sampled_from(["executed", "cancelled", "failed"]),
    occurred_at=TIMES,
)
SPLITS = made(EntrySplits, **dict.fromkeys(EntrySplits.model_fields, ANY_DECIMAL))
_COMMAND = {"command_id": NAMES, "reason": maybe(TEXTS), "expected_version": maybe(VERSIONS)}
COMMANDS = st.one_of(
    made(SetRiskPercent, **_COMMAND, command=st.just("set_risk_percent"), new_risk_percent=ANY_DECIMAL),
    made(SetEntrySplits, **_COMMAND, command=st.just("set_entry_splits"), entry_splits=SPLITS),
    made(SetMarginBuffer, **_COMMAND, command=st.just("set_margin_buffer"), margin_buffer_percent=ANY_DECIMAL),
    made(
        ScheduleRiskPercent,
        **_COMMAND,
        command=st.just("schedule_risk_percent"),
        new_risk_percent=ANY_DECIMAL,
        effective_at=TIMES,
    ),
    made(CancelSchedule, **_COMMAND, command=st.just("cancel_schedule"), schedule_id=NAMES),
).map(ConfigCommand.model_validate)
CHANGES = made(
    ConfigChanged,
    config_version=VERSIONS,
    fixed_risk_percent=ANY_DECIMAL,
    entry_splits=SPLITS,
    margin_buffer_percent=ANY_DECIMAL,
    updated_at=TIMES,
    updated_by=NAMES,
    reason=maybe(TEXTS),
)
RESULTS = made(
    ConfigResult,
    command_id=maybe(NAMES),
    status=st.sampled_from(["applied", "rejected"]),
    reasons=REASONS,
    **dict.fromkeys(("previous_risk_percent", "new_risk_percent"), maybe(ANY_DECIMAL)),
    config_version=maybe(VERSIONS),
    updated_at=maybe(TIMES),
    **dict.fromkeys(("updated_by", "schedule_id"), maybe(NAMES)),
    config=maybe(CHANGES),
)
SCHEDULES = made(
    Schedule,
    schedule_id=st.uuids(),
    state=st.sampled_from(["planned", "applied", "cancelled", "missed"]),
    new_risk_percent=ANY_DECIMAL,
    effective_at=TIMES,
    reason=maybe(NAMES),
    planned_by=NAMES,
    planned_at=TIMES,
    ended_at=maybe(TIMES),
    ended_by=maybe(NAMES),
    config_version=maybe(VERSIONS),
)
STATES = made(WorkerState, instance=NAMES, service=NAMES, config_version=VERSIONS, at=TIMES)
SECONDS = st.decimals(0, 86_400, places=4)
COUNTS = st.lists(made(LatencyCount, within_s=maybe(SECONDS), count=VERSIONS), max_size=5).map(tuple)
LATENCIES = made(WorkerLatency, instance=NAMES, service=NAMES, since=TIMES, counts=COUNTS, at=TIMES)

MESSAGES = {
    AccountSnapshot: SNAPSHOTS,
    AccountInstruments: INSTRUMENTS,
    AccountRefused: REFUSALS,
    SizingRequest: REQUESTS,
    SizingDecision: DECISIONS,
    SizingOutcome: OUTCOMES,
    ConfigCommand: COMMANDS,
    ConfigResult: RESULTS,
    ConfigChanged: CHANGES,
    Schedule: SCHEDULES,
    WorkerState: STATES,
    WorkerLatency: LATENCIES,
}
"""Every message of the wire, by its model."""
