"""What the tests of the dial turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.config_service.dial import content_hash, decide
from services.config_service.schedule import Plans
from services.config_service.verdict import Done, Known, Order, Refused, Verdict
from shared.schemas.config import AnyCommand, ConfigChanged, ConfigCommand, EntrySplits

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST = ConfigChanged(
    config_version=7,
    fixed_risk_percent=Decimal(3),
    entry_splits=EntrySplits(
        entry_1_percent=Decimal("0.5"), entry_2_percent=Decimal("0.35"), entry_3_percent=Decimal("0.15")
    ),
    margin_buffer_percent=Decimal(20),
    updated_at=NOON - timedelta(days=1),
    updated_by="system",
    reason="the defaults",
)


def command(**fields: Any) -> AnyCommand:
    """A command as it is read from the wire; `set_risk_percent` to 2.5 unless said otherwise."""
    given = {"command_id": "c-1", "command": "set_risk_percent", **fields}
    if given["command"] == "set_risk_percent":
        given.setdefault("new_risk_percent", "2.5")
    return ConfigCommand.model_validate(given).root


def plan(effective_at: str = "2026-12-01T00:00:00Z", **fields: Any) -> AnyCommand:
    """A command that plans 2 % for some time ahead of noon."""
    return command(
        **{"command": "schedule_risk_percent", "new_risk_percent": "2", "effective_at": effective_at, **fields}
    )


def splits(*fractions: str) -> AnyCommand:
    """A command that sets the three splits."""
    names = ("entry_1_percent", "entry_2_percent", "entry_3_percent")
    return command(command="set_entry_splits", entry_splits=dict(zip(names, fractions, strict=True)))


def order(given: AnyCommand | None = None, *, by: str = "owner-1", age_s: float | None = 1) -> Order:
    """A command given `age_s` seconds before noon; None: right now, over HTTP."""
    sent_at = None if age_s is None else NOON - timedelta(seconds=age_s)
    return Order(given or command(), by, sent_at)


def decided(
    given: Order, *, current: ConfigChanged = FIRST, known: Known | None = None, plans: Plans | None = None
) -> Verdict:
    """What the dial makes of an order at noon."""
    return decide(given, current, now=NOON, known=known, plans=plans or Plans(), command_s=30)


def done(given: Order, **circumstances: Any) -> Done:
    """The same of an order that is obeyed."""
    verdict = decided(given, **circumstances)
    assert not isinstance(verdict, Refused)
    return verdict


def refused(given: Order, **circumstances: Any) -> Refused:
    """The same of an order that is refused."""
    verdict = decided(given, **circumstances)
    assert isinstance(verdict, Refused)
    return verdict


def known_as(given: Order) -> Known:
    """What is remembered of an order that was obeyed."""
    return Known(content_hash(given), done(given))
