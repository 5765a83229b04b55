"""What a batch observes is counted as if each message had been counted alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from shared.metrics import SECONDS, BatchHistogram


def told(name: str, amounts: list[float], *, together: bool) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    histogram = BatchHistogram(name, "what a test observes", ["queue"], buckets=SECONDS, registry=registry)
    observing = histogram.labels("q")
    if together:
        observing.observe_all(amounts)
    for amount in [] if together else amounts:
        observing.observe(amount)
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {(s.name, *s.labels.values()): s.value for s in samples if not s.name.endswith("_created")}


@given(st.lists(st.sampled_from([0.0, 0.0005, *SECONDS, 0.0999, 0.1001, 31.0])))
def test_observing_a_batch_tells_the_same_as_observing_each_of_it(amounts: list[float]) -> None:
    together, alone = told("t", amounts, together=True), told("t", amounts, together=False)

    assert together.keys() == alone.keys()
    assert all(abs(together[key] - alone[key]) < 1e-9 for key in alone)
