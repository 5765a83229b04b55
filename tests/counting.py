"""What the metrics of this process have counted since a moment, and what its gauges tell now."""

from __future__ import annotations

from prometheus_client import REGISTRY

from dev.waiting import eventually


class Counted:
    """The samples of one metric, as differences to when this was made."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._before = self._now()

    def by(self, *labels: str) -> dict[tuple[str, ...], float]:
        """What was counted since, by the values of these labels; what was not counted is left out."""
        counted: dict[tuple[str, ...], float] = {}
        for given, value in self._now().items():
            if difference := value - self._before.get(given, 0):
                key = tuple(dict(given)[label] for label in labels)
                counted[key] = counted.get(key, 0) + difference
        return counted

    def total(self) -> float:
        """What was counted since, whatever its labels."""
        return self.by().get((), 0)

    def _now(self) -> dict[tuple[tuple[str, str], ...], float]:
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name == self._name
        }


def told(name: str, **labels: str) -> float | None:
    """What a gauge tells now; None where it has told nothing yet."""
    return REGISTRY.get_sample_value(name, labels)


async def until_told(value: float, name: str, **labels: str) -> None:
    """Return once a gauge tells this."""

    async def look() -> bool:
        return told(name, **labels) == value

    await eventually(look)
