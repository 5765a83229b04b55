"""The rate of a drain, from samples of the broker's counter."""

import pytest

from benchmarks.broker_counter import ACKNOWLEDGED, Sample, drained_per_s

SINCE = Sample(at_s=0.0, acknowledged=500)


def test_neither_the_start_nor_the_idle_moment_after_the_end_is_counted() -> None:
    samples = [Sample(1.0, 501), Sample(2.0, 600), Sample(3.0, 900), Sample(9.0, 1500)]

    assert drained_per_s(samples, 1000, since=SINCE) == (900 - 600) / (3.0 - 2.0)


def test_a_drain_that_was_over_before_it_was_seen_twice_has_no_rate() -> None:
    with pytest.raises(ValueError, match="take more"):
        drained_per_s([Sample(1.0, 700), Sample(2.0, 1500)], 1000, since=SINCE)


def test_only_quorum_queues_acknowledgements_are_read() -> None:
    page = (
        'rabbitmq_global_messages_acknowledged_total{protocol="amqp091",queue_type="rabbit_classic_queue"} 7\n'
        'rabbitmq_global_messages_acknowledged_total{protocol="amqp091",queue_type="rabbit_quorum_queue"} 1234\n'
        'rabbitmq_global_messages_delivered_total{protocol="amqp091",queue_type="rabbit_quorum_queue"} 9\n'
    )

    assert ACKNOWLEDGED.findall(page) == ["1234"]
