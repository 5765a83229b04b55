"""The broker's names and arguments as they were published. A changed argument is a new queue name, so nothing here is
ever changed, only added."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from shared.messaging.topology import BINDINGS, EXCHANGES, QUEUES, ROLES

GOLDEN = Path(__file__).parent / "golden" / "topology.json"


def test_the_topology_is_the_published_one() -> None:
    topology = {
        "exchanges": [asdict(exchange) for exchange in EXCHANGES],
        "queues": [asdict(queue) for queue in QUEUES],
        "bindings": [asdict(binding) for binding in BINDINGS],
    }

    assert topology == {key: value for key, value in json.loads(GOLDEN.read_bytes()).items() if key != "roles"}


def test_the_roles_may_do_what_was_published() -> None:
    permissions = {
        role.name: {**role.permissions("USER"), "topics": role.topic_write, "topics_read": role.topic_read}
        for role in ROLES
    }

    assert permissions == json.loads(GOLDEN.read_bytes())["roles"]
