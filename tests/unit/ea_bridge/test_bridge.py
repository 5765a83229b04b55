"""The bridge at work on a replayed terminal: what it publishes, when, and what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from dev.waiting import eventually
from examples.ea_bridge.bridge import Bridge
from examples.ea_bridge.replayed_terminal import ReplayedTerminal
from examples.ea_bridge.terminal import OtherAccountError, SymbolsError
from shared.client import DependencyError
from shared.schemas.account import AccountInstruments
from tests.terminals import pair, symbol, terminal
from tests.unit.ea_bridge.bridges import Kept, bridge

EURUSD, EURJPY = "S04", "S01"


@pytest.fixture
def shown() -> ReplayedTerminal:
    return terminal(symbol(EURUSD), symbol(EURJPY), pair("USD", "JPY", 111.380, 111.387))


@pytest.fixture
def kept() -> Kept:
    return Kept()


async def look(made: Bridge, times: int = 1) -> None:
    for _ in range(times):
        await made.look()


@asynccontextmanager
async def running(made: Bridge) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await made.close()


class Interrupted(ReplayedTerminal):
    """One of whose functions is another."""


def interrupted(shown: ReplayedTerminal, *, during: str, by: Callable[..., Any]) -> ReplayedTerminal:
    """`shown`, whose function `during` is `by`."""
    made = Interrupted(shown.account, shown.symbols, running=True)
    setattr(made, during, by)
    return made


def logging_in(shown: ReplayedTerminal, *, login: int, during: str, answers_before: int) -> ReplayedTerminal:
    """`shown`, logged in to another account while it answers `during`, after so many answers in peace."""
    peaceful = iter(range(answers_before))

    def logs_in() -> Any:
        if next(peaceful, None) is None:
            made.account = replace(shown.account, login=login)
        return getattr(shown, during)()

    made = interrupted(shown, during=during, by=logs_in)
    return made


async def until(condition: Callable[[], bool]) -> None:
    async def ask() -> bool:
        return condition()

    await eventually(ask, timeout_s=5)


async def test_the_specs_come_before_the_first_snapshot(shown: ReplayedTerminal, kept: Kept) -> None:
    await look(bridge(shown, kept))
    assert [type(message).__name__ for message in kept.messages] == ["AccountInstruments", "AccountSnapshot"]
    assert kept.specs == [["EURUSD", "EURJPY"]]


async def test_every_look_publishes_a_snapshot_and_specs_only_when_they_are_due(
    shown: ReplayedTerminal, kept: Kept
) -> None:
    await look(bridge(shown, kept), times=3)
    assert len(kept.snapshots) == 3
    assert len(kept.specs) == 1


async def test_specs_that_are_due_are_published_where_they_have_changed(shown: ReplayedTerminal, kept: Kept) -> None:
    made = bridge(shown, kept, instruments_every_s=0.05)
    await look(made)
    shown.symbols["EURJPY"].trade_tick_value_loss = 0.9

    async def published_again() -> bool:
        await look(made)
        return len(kept.specs) > 1

    await eventually(published_again)
    assert kept.specs == [["EURUSD", "EURJPY"], ["EURJPY"]]


@pytest.mark.parametrize(("field", "value"), [("leverage", 30), ("currency", "EUR")])
async def test_other_terms_of_the_account_bring_every_spec_at_once(
    shown: ReplayedTerminal, kept: Kept, field: str, value: Any
) -> None:
    made = bridge(shown, kept)
    await look(made)
    setattr(shown.account, field, value)
    await look(made)
    assert kept.specs == [["EURUSD", "EURJPY"], ["EURUSD", "EURJPY"]]


async def test_many_specs_go_in_several_messages_that_each_fit_the_broker(kept: Kept) -> None:
    names = [f"EURUSD{number}" for number in range(450)]
    shown = terminal(*(symbol(EURUSD, name=name) for name in names))
    await look(bridge(shown, kept, instruments=names))
    assert [len(specs) for specs in kept.specs] == [200, 200, 50]
    bodies = [message.to_json() for message in kept.messages if isinstance(message, AccountInstruments)]
    assert max(len(body) for body in bodies) < 256 * 1024


async def test_the_margin_of_a_lot_is_told_with_its_price(shown: ReplayedTerminal, kept: Kept) -> None:
    shown.margins["EURUSD"] = 1187.02
    await look(bridge(shown, kept))
    told = kept.messages[0]
    assert isinstance(told, AccountInstruments)
    assert told.instruments[0]["margin_per_lot_buy"] == "1187.02"
    assert told.instruments[0]["margin_price"] == "1.18702"
    assert "margin_price" not in told.instruments[1]


async def test_a_symbol_that_cannot_be_sized_costs_the_others_nothing(kept: Kept) -> None:
    await look(bridge(terminal(symbol(EURUSD), symbol(EURJPY, trade_calc_mode=64)), kept))
    assert kept.specs == [["EURUSD"]]
    assert len(kept.snapshots) == 1


async def test_an_account_is_reported_while_the_terminal_tells_nothing_of_its_symbols(
    shown: ReplayedTerminal, kept: Kept
) -> None:
    shown.symbols_known = False
    with pytest.raises(SymbolsError, match="does not answer symbols_get"):
        await look(bridge(shown, kept))
    assert (len(kept.snapshots), kept.specs) == (1, [])


async def test_symbols_that_were_not_told_are_asked_for_again_while_the_account_is_reported(
    shown: ReplayedTerminal, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.ea_bridge.bridge.PRICES_PAUSE_S", 0.1)
    shown.symbols_known = False
    async with running(bridge(shown, kept)):
        await until(lambda: len(kept.snapshots) > 3)
        assert kept.specs == []
        shown.symbols_known = True
        await until(lambda: len(kept.specs) > 0)
    assert kept.specs == [["EURUSD", "EURJPY"]]


async def test_the_figures_of_another_account_are_not_published(shown: ReplayedTerminal, kept: Kept) -> None:
    with pytest.raises(OtherAccountError, match="logged in as 25115284 at MetaQuotes-Demo, not as 7 at MetaQuotes"):
        await look(bridge(shown, kept, login=7))
    assert kept.messages == []


async def test_the_same_login_at_another_server_is_another_account(shown: ReplayedTerminal, kept: Kept) -> None:
    with pytest.raises(OtherAccountError, match="25115284 at MetaQuotes-Demo, not as 25115284 at FxPro-MT5: nothing"):
        await look(bridge(shown, kept, login=25115284, server="FxPro-MT5"))
    assert kept.messages == []


@pytest.mark.parametrize(("during", "looks_before"), [("symbols_get", 0), ("positions_get", 1)])
async def test_nothing_is_published_of_a_look_during_which_another_account_was_logged_in(
    shown: ReplayedTerminal, kept: Kept, during: str, looks_before: int
) -> None:
    made = bridge(logging_in(shown, login=7, during=during, answers_before=looks_before), kept)
    await look(made, times=looks_before)
    with pytest.raises(OtherAccountError, match="logged in as 7 at MetaQuotes-Demo while 25115284 at MetaQuotes-Demo"):
        await look(made)
    assert len(kept.snapshots) == len(kept.specs) == looks_before


async def test_the_terminal_is_logged_in_as_configured(shown: ReplayedTerminal, kept: Kept) -> None:
    await look(bridge(shown, kept, login=25115284, password="p", server="MetaQuotes-Demo"))
    assert shown.starts == [{"login": 25115284, "password": "p", "server": "MetaQuotes-Demo"}]


async def test_a_terminal_that_dies_and_comes_back_is_reported_again(shown: ReplayedTerminal, kept: Kept) -> None:
    async with running(bridge(shown, kept)):
        await until(lambda: len(kept.snapshots) > 0)
        shown.running = shown.startable = False
        attempts = len(shown.starts)
        await until(lambda: len(shown.starts) > attempts + 1)
        before = len(kept.snapshots)
        shown.startable = True
        await until(lambda: len(kept.snapshots) > before)


async def test_a_broker_that_is_away_gets_everything_when_it_is_back(shown: ReplayedTerminal, kept: Kept) -> None:
    kept.away = True
    async with running(bridge(shown, kept)):
        await until(lambda: kept.refused > 1)
        kept.away = False
        await until(lambda: len(kept.snapshots) > 1)
    assert kept.specs == [["EURUSD", "EURJPY"]]


async def test_one_look_raises_what_is_away(shown: ReplayedTerminal, kept: Kept) -> None:
    kept.away = True
    with pytest.raises(DependencyError):
        await look(bridge(shown, kept))


async def test_the_terminal_is_let_go_at_the_end(shown: ReplayedTerminal, kept: Kept) -> None:
    made = bridge(shown, kept)
    await look(made)
    await made.close()
    assert not shown.running


async def test_a_terminal_that_hangs_does_not_keep_the_bridge_from_ending(
    shown: ReplayedTerminal, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.ea_bridge.bridge.CLOSE_TIMEOUT_S", 0.1)
    begun, ended = Event(), Event()

    def hangs(*_: object, **__: object) -> bool:
        begun.set()
        return ended.wait()

    made = bridge(interrupted(shown, during="initialize", by=hangs), kept)
    try:
        async with asyncio.timeout(5), running(made):
            await until(begun.is_set)
    finally:
        ended.set()
