"""The broker's users as documents of the management API."""

from __future__ import annotations

import re

from shared.messaging.permissions import password_hash, permission_rows, user_row
from shared.messaging.topology import ROLES

USERS = {role.name: f"{role.name}-7" for role in ROLES}


def rows_of(kind: str, role: str) -> list[dict[str, str]]:
    return [row for row in permission_rows(USERS, virtual_host="risk")[kind] if row["user"] == USERS[role]]


def test_a_password_is_hashed_as_rabbitmq_documents_it() -> None:
    # The example of RabbitMQ's guide on passwords: salt 908DC60A, password test12.
    assert password_hash("test12", salt=bytes.fromhex("908DC60A")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_a_user_row_holds_no_password_and_no_tag() -> None:
    row = user_row("owner", "correct horse battery", salt=b"salt")

    assert "correct horse battery" not in str(row)
    assert row["tags"] == ""


def test_every_role_has_one_permission_in_the_virtual_host_for_the_user_that_plays_it() -> None:
    rows = permission_rows(USERS, virtual_host="risk")["permissions"]

    assert sorted(row["user"] for row in rows) == sorted(USERS.values())
    assert {row["vhost"] for row in rows} == {"risk"}


def test_reply_queues_are_those_of_the_user_not_of_the_role() -> None:
    (row,) = rows_of("permissions", "signal-engine")

    assert re.match(row["configure"], "lotwise.reply.signal-engine-7.a1")
    assert not re.match(row["configure"], "lotwise.reply.signal-engine.a1")


def test_a_role_that_does_nothing_of_a_kind_gets_a_pattern_that_matches_no_name() -> None:
    (row,) = rows_of("permissions", "ea-bridge")

    assert (row["configure"], row["read"]) == ("^$", "^$")


def test_a_producer_is_held_to_its_own_routing_keys() -> None:
    (row,) = [row for row in rows_of("topic_permissions", "ea-bridge") if row["exchange"] == "lotwise.accounts"]

    assert re.match(row["write"], "account.snapshot")
    assert not re.match(row["write"], "account.snapshot.more")


def test_a_role_without_a_key_on_a_topic_exchange_is_held_to_none() -> None:
    (row,) = [row for row in rows_of("topic_permissions", "sizing-worker") if row["exchange"] == "lotwise.sizing"]

    assert (row["write"], row["read"]) == ("^$", "^$")


def test_nobody_binds_a_queue_to_a_key_that_is_not_theirs_to_hear() -> None:
    allowed = {
        (row["user"], row["exchange"]): row["read"]
        for row in permission_rows(USERS, virtual_host="risk")["topic_permissions"]
        if row["read"] != "^$"
    }

    assert allowed == {("config-service-7", "lotwise.events"): r"^worker\.(state|latency)$"}
