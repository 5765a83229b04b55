"""Rule 5, from risk to lots: rounded down, never raised to a minimum, nothing left out moves elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from shared.schemas.instrument import InstrumentSpec
from shared.schemas.sizing import BindingLimit
from shared.sizing.catalogue import VOLUME_STEP
from shared.sizing.rational import ZERO, Rational, exact
from shared.sizing.rounding import multiple_below, places

NOTHING = ZERO


@dataclass(frozen=True, slots=True)
class VolumeBounds:
    """What volumes a broker takes, in lots. None: no such bound. `digits` are the places that a volume is told with."""

    minimum: Rational
    maximum: Rational | None
    step: Rational
    limit: Rational | None
    digits: int


STANDARD_BOUNDS = VolumeBounds(
    minimum=exact(VOLUME_STEP), maximum=None, step=exact(VOLUME_STEP), limit=None, digits=places(VOLUME_STEP)
)


@dataclass(frozen=True, slots=True)
class Volume:
    """Lots of one entry, and what decided them. Left out: 0 lots."""

    lots: Rational
    binding_limit: BindingLimit


def published_bounds(spec: InstrumentSpec) -> VolumeBounds:
    """The bounds of a published spec."""
    return VolumeBounds(
        minimum=exact(spec.volume_min),
        maximum=exact(spec.volume_max),
        step=exact(spec.volume_step),
        limit=None if spec.volume_limit is None else exact(spec.volume_limit),
        digits=places(spec.volume_step),
    )


def fitted(unrounded: Rational, bounds: VolumeBounds) -> Volume:
    """What of `unrounded` lots the broker takes in one order."""
    if bounds.maximum is not None and unrounded > bounds.maximum:
        return _rounded(bounds.maximum, bounds, "volume_max")
    return _rounded(unrounded, bounds, "risk")


def cut(volumes: tuple[Volume, ...], limit: Rational, bounds: VolumeBounds) -> tuple[Volume, ...]:
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


def shrunk(volumes: tuple[Volume, ...], factor: Rational, bounds: VolumeBounds) -> tuple[Volume, ...]:
    """Rule 8's shrinking: each volume × `factor` (below 1), rounded down again."""
    if factor <= 0:
        return tuple(Volume(NOTHING, "margin") for _ in volumes)
    return tuple(_rounded(volume.lots * factor, bounds, "margin") if volume.lots else volume for volume in volumes)


def _rounded(lots: Rational, bounds: VolumeBounds, binding_limit: BindingLimit) -> Volume:
    rounded = multiple_below(lots, bounds.step)
    return Volume(rounded, binding_limit) if rounded >= bounds.minimum else Volume(NOTHING, "volume_min")
