"""What a decision came to, with every exact figure on the way: what the reply rounds and an explanation shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.schemas.reasons import Reason
from shared.sizing.account import Candidate, PublishedSpec
from shared.sizing.budget import Budget
from shared.sizing.instruments import LotTerms
from shared.sizing.margin import FreeMargin
from shared.sizing.prices import SizedPrices
from shared.sizing.rational import ZERO, Rational
from shared.sizing.volumes import Volume, VolumeBounds


@dataclass(frozen=True, slots=True)
class EntryFigures:
    """One entry, in account currency and lots, exact.

    Its volume in four steps: `unrounded` (budget / loss per lot), `fitted` (rule 5), `limited` (cut to volume_limit),
    `volume` (shrunk to the margin: the answer), which loses `loss` when it is stopped and binds `margin`.
    """

    prices: SizedPrices
    terms: LotTerms
    budget: Rational
    loss_per_lot: Rational
    margin_per_lot: Rational
    unrounded: Rational
    fitted: Volume
    limited: Volume
    volume: Volume
    loss: Rational
    margin: Rational

    def with_volume(self, volume: Volume) -> EntryFigures:
        """The same entry with another answer."""
        lots = volume.lots
        return replace(self, volume=volume, loss=lots * self.loss_per_lot, margin=lots * self.margin_per_lot)


@dataclass(frozen=True, slots=True)
class SetupFigures:
    """The entries of a setup in the order of the request, the volumes that the broker takes, and exact totals."""

    entries: tuple[EntryFigures, ...]
    bounds: VolumeBounds

    @property
    def lots(self) -> Rational:
        """Lots of all entries."""
        return sum((entry.volume.lots for entry in self.entries), ZERO)

    @property
    def loss(self) -> Rational:
        """What the setup loses when every entry is filled and stopped; never above the budget."""
        return sum((entry.loss for entry in self.entries), ZERO)

    @property
    def margin(self) -> Rational:
        """What the setup binds."""
        return sum((entry.margin for entry in self.entries), ZERO)

    def limited(self, volumes: tuple[Volume, ...]) -> SetupFigures:
        """With the volumes that are left of volume_limit."""
        pairs = zip(self.entries, volumes, strict=True)
        return replace(
            self, entries=tuple(replace(entry.with_volume(volume), limited=volume) for entry, volume in pairs)
        )

    def shrunk(self, volumes: tuple[Volume, ...]) -> SetupFigures:
        """With the volumes that are left of the margin."""
        pairs = zip(self.entries, volumes, strict=True)
        return replace(self, entries=tuple(entry.with_volume(volume) for entry, volume in pairs))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Approved where there are no reasons. None and empty are what was not reached.

    `published` is None where the catalogue served.
    """

    reasons: tuple[Reason, ...] = ()
    candidate: Candidate | None = None
    published: PublishedSpec | None = None
    budget: Budget | None = None
    setup: SetupFigures | None = None
    margin: FreeMargin | None = None

    def refused(self, *reasons: Reason) -> Verdict:
        """The same, ended by these reasons."""
        return replace(self, reasons=reasons)

    def without_figures(self) -> Verdict:
        """The same, its figures forgotten: as if they had not been reached."""
        return replace(self, budget=None, setup=None, margin=None)
