"""How a broker differs from the topology: each difference named, and nothing that is not ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.messaging.comparison import FoundBroker, FoundExchange, FoundQueue, differences
from shared.messaging.topology import BINDINGS, EXCHANGES, QUEUES, Binding


@pytest.fixture
def broker() -> FoundBroker:
    """A broker exactly as the topology says, with what RabbitMQ adds by itself."""
    return FoundBroker(
        exchanges={
            "": FoundExchange("direct", durable=True, arguments={}),
            "amq.topic": FoundExchange("topic", durable=True, arguments={}),
            **{exchange.name: FoundExchange(exchange.type, durable=True, arguments={}) for exchange in EXCHANGES},
        },
        queues={
            queue.name: FoundQueue(durable=True, exclusive=False, auto_delete=False, arguments=dict(queue.arguments))
            for queue in QUEUES
        },
        bindings=frozenset({*BINDINGS, *(Binding("", queue.name, queue.name) for queue in QUEUES)}),
    )


def lines(broker: FoundBroker) -> list[str]:
    return [str(difference) for difference in differences(broker)]


def with_queue(broker: FoundBroker, name: str, queue: FoundQueue) -> FoundBroker:
    return replace(broker, queues={**broker.queues, name: queue})


def with_binding(broker: FoundBroker, *binding: str) -> FoundBroker:
    return replace(broker, bindings=broker.bindings | {Binding(*binding)})


def test_the_declared_topology_has_no_difference(broker: FoundBroker) -> None:
    assert lines(broker) == []


def test_an_empty_broker_lacks_everything_each_on_its_own_line() -> None:
    missing = lines(FoundBroker({}, {}, frozenset()))
    assert len(missing) == len(EXCHANGES) + len(QUEUES) + len(BINDINGS)
    assert missing[0] == "missing exchange: lotwise.accounts"
    assert "missing queue: lotwise.sizing.retry.30s" in missing
    assert "missing binding: lotwise.sizing -[sizing.request]-> lotwise.sizing" in missing


def test_an_exchange_of_another_type_or_durability_is_named(broker: FoundBroker) -> None:
    changed = FoundExchange("direct", durable=False, arguments={"alternate-exchange": "other"})
    found = replace(broker, exchanges={**broker.exchanges, "lotwise.events": changed})
    assert lines(found) == [
        'exchange lotwise.events: type: expected "topic", found "direct"',
        "exchange lotwise.events: durable: expected true, found false",
        'exchange lotwise.events: alternate-exchange: expected nothing, found "other"',
    ]


def test_every_argument_of_a_queue_that_differs_is_named(broker: FoundBroker) -> None:
    arguments = {**broker.queues["lotwise.sizing"].arguments, "x-delivery-limit": 3, "x-max-length": 10}
    del arguments["x-overflow"]
    changed = replace(broker.queues["lotwise.sizing"], arguments=arguments)
    assert lines(with_queue(broker, "lotwise.sizing", changed)) == [
        "queue lotwise.sizing: x-delivery-limit: expected 20, found 3",
        'queue lotwise.sizing: x-overflow: expected "reject-publish", found nothing',
        "queue lotwise.sizing: x-max-length: expected nothing, found 10",
    ]


def test_a_number_is_not_the_same_as_its_text(broker: FoundBroker) -> None:
    queue = broker.queues["lotwise.config"]
    changed = replace(queue, arguments={**queue.arguments, "x-delivery-limit": "20"})
    assert lines(with_queue(broker, "lotwise.config", changed)) == [
        'queue lotwise.config: x-delivery-limit: expected 20, found "20"'
    ]


def test_a_queue_that_dies_with_its_connection_is_named(broker: FoundBroker) -> None:
    changed = replace(broker.queues["lotwise.config"], durable=False, exclusive=True, auto_delete=True)
    assert lines(with_queue(broker, "lotwise.config", changed)) == [
        "queue lotwise.config: durable: expected true, found false",
        "queue lotwise.config: exclusive: expected false, found true",
        "queue lotwise.config: auto_delete: expected false, found true",
    ]


@pytest.mark.parametrize(
    ("binding", "line"),
    [
        (("lotwise.sizing", "#", "spy"), "lotwise.sizing -[#]-> spy"),
        (("amq.topic", "a.b", "lotwise.accounts"), "amq.topic -[a.b]-> lotwise.accounts"),
        (("lotwise.dead", "x", "exchange amq.fanout"), "lotwise.dead -[x]-> exchange amq.fanout"),
        (("lotwise.events", "sizing.decided", "lotwise.sizing"), "lotwise.events -[sizing.decided]-> lotwise.sizing"),
        (("lotwise.config.changed", "", "spy"), "lotwise.config.changed -[]-> spy"),
    ],
)
def test_a_binding_that_we_did_not_make_is_named(broker: FoundBroker, binding: tuple[str, ...], line: str) -> None:
    assert lines(with_binding(broker, *binding)) == [f"unexpected binding: {line}"]


@pytest.mark.parametrize(
    "binding",
    [
        ("lotwise.events", "#", "dashboard"),
        ("lotwise.config.changed", "", "lotwise.config.changed.sizing_worker.host.7"),
        ("amq.topic", "#", "somebody.elses"),
        ("", "lotwise.reply.owner.1", "lotwise.reply.owner.1"),
    ],
)
def test_a_binding_that_others_may_make_is_no_difference(broker: FoundBroker, binding: tuple[str, ...]) -> None:
    assert lines(with_binding(broker, *binding)) == []
