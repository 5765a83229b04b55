"""What docs/faults.md tells of the run that its figures are of."""

from __future__ import annotations

from tests.faults.report import measured


def test_it_tells_the_machine_and_what_is_needed_to_repeat_it() -> None:
    facts = {"measured_on": "Measured on 2026-11-26: 2 cores; RabbitMQ 3.10.8", "aio_pika": "10.2.1", "seed": "7"}

    assert measured(facts) == "Measured on 2026-11-26: 2 cores; RabbitMQ 3.10.8, aio-pika 10.2.1, seed 7"
