"""What a terminal shows of its account, as a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from examples.ea_bridge.replayed_terminal import ReplayedTerminal
from examples.ea_bridge.snapshot import AccountReading, exact, obstacles, to_snapshot
from examples.ea_bridge.terminal import TerminalError
from shared.schemas.account import AccountSnapshot
from tests.terminals import terminal

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def reading(shown: ReplayedTerminal) -> AccountReading:
    return AccountReading(AT, shown.account, shown.state, shown.positions)


def snapshot(**account: Any) -> AccountSnapshot:
    return to_snapshot(reading(terminal(**account)), user_id="u-17")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e-05, "0.00001"),
        (100000.0, "100000"),
        (0.8978272580355541, "0.8978272580355541"),
        (-7.5, "-7.5"),
    ],
)
def test_a_double_becomes_the_shortest_decimal_that_reads_back_as_it(value: float, text: str) -> None:
    assert format(exact(value), "f") == text
    assert float(exact(value)) == value


def test_the_figures_are_those_that_the_terminal_shows() -> None:
    shown = snapshot()
    assert (shown.balance, shown.equity) == (Decimal("99511.4"), Decimal("99553.22"))
    assert (shown.margin_used, shown.margin_free) == (Decimal("98.18"), Decimal("99455.04"))
    assert (shown.account.login, shown.account.server, shown.account.leverage) == (25115284, "MetaQuotes-Demo", 100)


def test_the_volumes_of_the_positions_add_up_exactly() -> None:
    assert 0.1 + 0.2 != 0.3
    assert (snapshot().open_positions_count, snapshot().total_positions_volume) == (2, Decimal("0.3"))


def test_the_time_is_the_one_at_which_this_host_looked() -> None:
    assert snapshot().captured_at == AT


@pytest.mark.parametrize(("number", "name"), [(0, "netting"), (1, "exchange"), (2, "hedging")])
def test_the_margin_mode_is_named(number: int, name: str) -> None:
    assert snapshot(margin_mode=number).account.margin_mode == name


@pytest.mark.parametrize(("trade_mode", "is_demo"), [(0, True), (1, True), (2, False)])
def test_only_a_real_account_holds_real_money(trade_mode: int, *, is_demo: bool) -> None:
    assert snapshot(trade_mode=trade_mode).account.is_demo is is_demo


def test_an_account_that_can_be_traded_has_no_obstacles() -> None:
    assert obstacles(reading(terminal())) == ()
    assert snapshot().account.trade_allowed


@pytest.mark.parametrize("flag", ["trade_allowed", "trade_expert"])
def test_an_account_that_may_not_trade_is_not_tradable(flag: str) -> None:
    assert not snapshot(**{flag: False}).account.trade_allowed


@pytest.mark.parametrize(("flag", "cause"), [("connected", "lost its broker"), ("trade_allowed", "Algo Trading")])
def test_a_terminal_that_cannot_place_orders_makes_the_account_untradable(flag: str, cause: str) -> None:
    shown = terminal()
    setattr(shown.state, flag, False)
    assert not to_snapshot(reading(shown), user_id="u-17").account.trade_allowed
    assert cause in " ".join(obstacles(reading(shown)))


def test_a_company_without_a_name_is_known_by_its_server() -> None:
    assert snapshot(company=" ").account.broker == "MetaQuotes-Demo"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("currency", "", "account.currency"),
        ("margin_mode", 7, "account.margin_mode"),
        ("equity", float("nan"), "equity"),
        ("login", 0, "account.login"),
    ],
)
def test_what_no_snapshot_may_hold_is_named_and_not_reported(field: str, value: object, named: str) -> None:
    with pytest.raises(TerminalError, match=named):
        snapshot(**{field: value})
