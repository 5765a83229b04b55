"""What Lotwise has of the specs already, and so what is news."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from examples.ea_bridge.published import PRICES_PAUSE_S, Published, next_look_s
from examples.ea_bridge.snapshot import AccountReading
from examples.ea_bridge.specs import Refusal, SymbolReading, to_spec
from shared.schemas.instrument import InstrumentSpec
from tests.terminals import symbol, terminal

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
EVERY_S, ALL_EVERY_S = 60.0, 3600.0
SHOWN = terminal()
READING = AccountReading(AT, SHOWN.account, SHOWN.state, SHOWN.positions)
REFUSED = Refusal("EURJPY", "tick_value: must be greater than 0")


def spec(instrument: str, *, commission: int = 0) -> InstrumentSpec:
    reading = SymbolReading(instrument, instrument, symbol("S04", name=instrument), None)
    made = to_spec(reading, account_currency="USD", quotes=(), commission_per_lot=Decimal(commission))
    assert isinstance(made, InstrumentSpec)
    return made


class Announcer:
    """What is told of the specs that were seen, confirmed by the broker unless said otherwise."""

    def __init__(self) -> None:
        self._published = Published("u-17")

    def told(self, *specs: InstrumentSpec, now_s: float = 0.0, confirmed: bool = True) -> list[str]:
        news = self._published.news(READING, specs, now_s=now_s, all_every_s=ALL_EVERY_S)
        for one in news:
            assert one.message.captured_at == AT
            if confirmed:
                self._published.note(one)
        return [spec.instrument for one in news for spec in one.specs]


def test_what_has_not_changed_is_not_told_again() -> None:
    announcer = Announcer()
    assert announcer.told(spec("EURUSD"), spec("XAUUSD")) == ["EURUSD", "XAUUSD"]
    assert announcer.told(spec("EURUSD"), spec("XAUUSD")) == []


def test_what_has_changed_is_told_alone() -> None:
    announcer = Announcer()
    announcer.told(spec("EURUSD"), spec("XAUUSD"))
    assert announcer.told(spec("EURUSD"), spec("XAUUSD", commission=7)) == ["XAUUSD"]


def test_what_the_broker_did_not_confirm_is_told_again() -> None:
    announcer = Announcer()
    announcer.told(spec("EURUSD"), confirmed=False)
    assert announcer.told(spec("EURUSD")) == ["EURUSD"]


def test_everything_is_told_anew_from_time_to_time_so_that_no_spec_grows_stale() -> None:
    announcer = Announcer()
    announcer.told(spec("EURUSD"))
    assert announcer.told(spec("EURUSD"), now_s=ALL_EVERY_S - 1) == []
    assert announcer.told(spec("EURUSD"), now_s=ALL_EVERY_S) == ["EURUSD"]
    assert announcer.told(spec("EURUSD"), now_s=ALL_EVERY_S + 1) == []


def test_a_refusal_is_told_once_and_again_for_another_reason() -> None:
    published = Published("u-17")
    other = Refusal("EURJPY", "the broker lets nobody open positions in it")
    assert published.new_refusals([REFUSED]) == [REFUSED]
    assert published.new_refusals([REFUSED]) == []
    assert published.new_refusals([other]) == [other]


@pytest.mark.parametrize(("refused", "pause_s"), [([REFUSED], PRICES_PAUSE_S), ([], EVERY_S)])
def test_what_is_newly_refused_is_looked_at_again_soon(refused: list[Refusal], pause_s: float) -> None:
    assert next_look_s(refused, every_s=EVERY_S) == pause_s
