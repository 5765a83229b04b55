"""Rule 5, from risk to lots: rounded down, never raised to a minimum, nothing left out moves elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import BindingLimit
from shared.sizing.catalogue import VOLUME_STEP
from shared.sizing.rounding import multiple_below, places

NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class VolumeBounds:
    """What volumes a broker takes, in lots. None: no such bound. `digits` are the places that a volume is told with."""

    minimum: Fraction
    maximum: Fraction | None
    step: Fraction
    limit: Fraction | None
    digits: int


STANDARD_BOUNDS = VolumeBounds(
    minimum=Fraction(VOLUME_STEP), maximum=None, step=Fraction(VOLUME_STEP), limit=None, digits=places(VOLUME_STEP)
)


@dataclass(frozen=True, slots=True)
class Volume:
    """Lots of one entry, and what decided them. Left out: 0 lots."""

    lots: Fraction
    binding_limit: BindingLimit


def published_bounds(spec: InstrumentSpec) -> VolumeBounds:
    """The bounds of a published spec."""
    return VolumeBounds(
        minimum=Fraction(spec.volume_min),
        maximum=Fraction(spec.volume_max),
        step=Fraction(spec.volume_step),
        limit=None if spec.volume_limit is None else Fraction(spec.volume_limit),
        digits=places(spec.volume_step),
    )


def fitted(unrounded: Fraction, bounds: VolumeBounds) -> Volume:
    """What of `unrounded` lots the broker takes in one order."""
    if bounds.maximum is not None and unrounded > bounds.maximum:
        return _rounded(bounds.maximum, bounds, "volume_max")
    return _rounded(unrounded, bounds, "risk")


def cut(volumes: tuple[Volume, ...], limit: Fraction, bounds: VolumeBounds) -> tuple[Volume, ...]:
    """The setup within the broker's `limit` of the sum: what is too much is cut from the last entry, then from the one
    before.

    An entry that is cut to nothing says `volume_limit`; one whose rest is below the minimum says `volume_min`.
    """
    excess = sum((volume.lots for volume in volumes), NOTHING) - limit
    kept: list[Volume] = []
    for volume in reversed(volumes):
        if excess > 0 and volume.lots:
            rest = volume.lots - excess
            excess -= volume.lots
            kept.append(_rounded(rest, bounds, "volume_limit") if rest > 0 else Volume(NOTHING, "volume_limit"))
        else:
            kept.append(volume)
    return tuple(reversed(kept))


def shrunk(volumes: tuple[Volume, ...], factor: Fraction, bounds: VolumeBounds) -> tuple[Volume, ...]:
    """Rule 8's shrinking: each volume × `factor` (below 1), rounded down again."""
    if factor <= 0:
        return tuple(Volume(NOTHING, "margin") for _ in volumes)
    return tuple(_rounded(volume.lots * factor, bounds, "margin") if volume.lots else volume for volume in volumes)


def _rounded(lots: Fraction, bounds: VolumeBounds, binding_limit: BindingLimit) -> Volume:
    rounded = multiple_below(lots, bounds.step)
    return Volume(rounded, binding_limit) if rounded >= bounds.minimum else Volume(NOTHING, "volume_min")
