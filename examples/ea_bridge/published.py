"""What Lotwise has of an account's specs already, and so what is news. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.schemas.account import AccountInstruments, InstrumentsAccount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.ea_bridge.snapshot import AccountReading
    from examples.ea_bridge.specs import Refusal
    from examples.ea_bridge.terminal import AccountInfo
    from shared.schemas.instrument import InstrumentSpec

SPECS_PER_MESSAGE = 200
"""A spec takes about 700 bytes, a message at most 256 KiB."""

PRICES_PAUSE_S = 5.0
"""In which a symbol that was just put into Market Watch gets its prices, and a terminal that has just been connected
its symbols."""


@dataclass(frozen=True, slots=True)
class News:
    """Specs that Lotwise does not have yet, and the message that brings them."""

    specs: Sequence[InstrumentSpec]
    message: AccountInstruments


class Published:
    """The specs that were published, under the account's terms of then: a spec serves only under the same terms."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._terms: InstrumentsAccount | None = None
        self._all_at_s = 0.0
        self._specs: dict[str, InstrumentSpec] = {}
        self._refused: Sequence[Refusal] = ()

    def under_other_terms(self, account: AccountInfo) -> bool:
        """Whether the account is another one now, or its currency or leverage is."""
        return _terms(account) != self._terms

    def news(
        self, reading: AccountReading, specs: Sequence[InstrumentSpec], *, now_s: float, all_every_s: float
    ) -> list[News]:
        """What has changed since; everything where the terms are others, or `all_every_s` seconds have passed."""
        terms = _terms(reading.account)
        if terms != self._terms or now_s - self._all_at_s >= all_every_s:
            self._terms, self._all_at_s, self._specs = terms, now_s, {}
        changed = [spec for spec in specs if self._specs.get(spec.instrument) != spec]
        starts = range(0, len(changed), SPECS_PER_MESSAGE)
        return [self._message(reading, terms, changed[start : start + SPECS_PER_MESSAGE]) for start in starts]

    def note(self, news: News) -> None:
        """The broker has confirmed `news`."""
        self._specs.update({spec.instrument: spec for spec in news.specs})

    def new_refusals(self, refused: Sequence[Refusal]) -> list[Refusal]:
        """Of the refusals those that were not there at the last look, or for another reason: each is told once."""
        new = [refusal for refusal in refused if refusal not in self._refused]
        self._refused = refused
        return new

    def _message(self, reading: AccountReading, terms: InstrumentsAccount, specs: Sequence[InstrumentSpec]) -> News:
        documents = tuple(spec.model_dump(mode="json", exclude_none=True) for spec in specs)
        message = AccountInstruments(
            user_id=self._user_id, account=terms, captured_at=reading.captured_at, instruments=documents
        )
        return News(specs, message)


def next_look_s(newly_refused: Sequence[Refusal], *, every_s: float) -> float:
    """Seconds until the symbols are looked at again; soon where one was newly refused, for it may lack prices only."""
    return min(every_s, PRICES_PAUSE_S) if newly_refused else every_s


def _terms(account: AccountInfo) -> InstrumentsAccount:
    return InstrumentsAccount(
        login=account.login, server=account.server.strip(), currency=account.currency, leverage=account.leverage
    )
