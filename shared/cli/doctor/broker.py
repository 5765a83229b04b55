"""The broker, judged: pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.cli.doctor.finding import Finding, fail, named, ok, unknown, warn
from shared.messaging.topology import EXCHANGES, ROLES, Role

OLDEST_VERSION = (3, 10, 0)
LOSING_VERSIONS = ((3, 13, 0), (3, 13, 1), (3, 13, 2))
"""They drop dead-lettered messages that went round a circle, even where a rejection is in it."""
SKEW_WARN_S, SKEW_FAIL_S = 2.0, 30.0
"""From 30 s on, snapshots of this clock's host are refused as `captured_in_future`."""
ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What the management API said. `ahead_s` is the broker's clock less this machine's."""

    version: str
    nodes: Sequence[Mapping[str, Any]]
    differences: Sequence[str]
    users: Mapping[str, Sequence[str]]
    """Every user's tags."""
    permissions: Sequence[Mapping[str, str]]
    topic_permissions: Sequence[Mapping[str, str]]
    ahead_s: float | None


def judge_broker(facts: BrokerFacts) -> Iterator[Finding]:
    """Every check that the management API answers."""
    yield _version(facts.version)
    yield _alarms(facts.nodes)
    yield _topology(facts.differences)
    yield _permissions(facts)
    yield clock("clock of the broker", facts.ahead_s, precision_s=1.0)


def judge_consumers(consumers: Mapping[str, int | None]) -> Iterator[Finding]:
    """Whether each work queue has somebody who works; None where there is no such queue."""
    for queue, count in consumers.items():
        check = f"workers of {queue}"
        if count:
            yield ok(check, f"{count} consume")
        elif count is None:
            yield fail(check, "the queue is missing", "run `lotwise topology`, then look at the services' logs")
        else:
            yield fail(
                check, "nobody consumes", "start the service, or look into the log and /readyz of the one that runs"
            )


def judge_parked(reasons: Mapping[str, Counter[str] | None]) -> Iterator[Finding]:
    """What is parked for which reason; None where it could not be looked at."""
    for queue, counts in reasons.items():
        check = f"parked of {queue}"
        if counts is None:
            yield unknown(check, "could not be looked at", "see that its .dead queue stands and no `lotwise dead` runs")
        elif counts:
            found = ", ".join(f"{count} × {reason}" for reason, count in counts.most_common(5))
            yield warn(check, found, "look with `lotwise dead list`, then replay or purge")
        else:
            yield ok(check, "nothing")


def clock(check: str, ahead_s: float | None, *, precision_s: float = 0.0) -> Finding:
    """How far another clock is ahead of ours; it was read with `precision_s`."""
    if ahead_s is None:
        return unknown(check, "it did not tell the time", "compare its clock by hand")
    off_s = max(abs(ahead_s) - precision_s, 0.0)
    found = f"{ahead_s:+.1f} s against this machine"
    advice = "let NTP keep the clocks of all hosts; ages and reservations are told by the database's"
    if off_s >= SKEW_FAIL_S:
        return fail(check, found, advice)
    return warn(check, found, advice) if off_s >= SKEW_WARN_S else ok(check, found)


def skew_s(theirs: datetime, before: datetime, after: datetime) -> float:
    """A clock that was read between two readings of ours, less the middle of both; seconds."""
    return (theirs - before - (after - before) / 2).total_seconds()


def _version(version: str) -> Finding:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers in LOSING_VERSIONS:
        return warn("broker version", version, "it loses dead-lettered messages; take 3.13.3 or later")
    if numbers < OLDEST_VERSION:
        return fail("broker version", version, "3.10 is the oldest that has what the queues ask for; upgrade it")
    return ok("broker version", version)


def _alarms(nodes: Sequence[Mapping[str, Any]]) -> Finding:
    faults = [
        f"{node['name']}: {what}"
        for node in nodes
        for what, wrong in (
            ("memory alarm", node.get("mem_alarm")),
            ("disk alarm", node.get("disk_free_alarm")),
            ("does not run", node.get("running") is False),
            ("cut off from " + ", ".join(node.get("partitions", ())), node.get("partitions")),
        )
        if wrong
    ]
    if faults:
        return fail(
            "broker alarms", named(faults), "free memory or disk there, or bring the node back: publishing waits"
        )
    return ok("broker alarms", f"none on {len(nodes)} nodes")


def _topology(differences: Sequence[str]) -> Finding:
    if differences:
        return fail(
            "topology", named(list(differences)), "run `lotwise topology`; what has other arguments, delete empty"
        )
    return ok("topology", "exactly this release's")


def _permissions(facts: BrokerFacts) -> Finding:
    faults = [fault for role in ROLES for fault in _of_role(role, facts)]
    ours = {user for role in ROLES for user in _users_of(role, facts)}
    faults += [
        f"{row['user']} is nobody's user, and may use the virtual host"
        for row in facts.permissions
        if row["user"] not in ours and ADMINISTRATOR not in facts.users.get(row["user"], ())
    ]
    if faults:
        return fail("broker permissions", named(faults), "run `lotwise users`, and delete users that are nobody's")
    return ok("broker permissions", f"{len(ours)} users, each as its role says")


def _of_role(role: Role, facts: BrokerFacts) -> Iterator[str]:
    users = _users_of(role, facts)
    if not users:
        yield f"role {role.name} has no user"
    for user in users:
        if facts.users[user]:
            yield f"{user} has the tags {', '.join(facts.users[user])}"
        (row,) = (row for row in facts.permissions if row["user"] == user)
        for kind, wanted in role.permissions(user).items():
            if row[kind] != wanted:
                yield f"{user} may {kind} {row[kind]}, not {wanted}"
        yield from _topics(role, user, facts)


def _topics(role: Role, user: str, facts: BrokerFacts) -> Iterator[str]:
    rows = {row["exchange"]: row for row in facts.topic_permissions if row["user"] == user}
    for exchange in EXCHANGES:
        if exchange.type != "topic":
            continue
        row = rows.get(exchange.name)
        if row is None:
            yield f"{user} has no topic permission on {exchange.name}, and is held to no key"
            continue
        for kind, wanted in role.topics(exchange.name).items():
            if row[kind] != wanted:
                yield f"{user} may {kind} the keys {row[kind]} on {exchange.name}, not {wanted}"


def _users_of(role: Role, facts: BrokerFacts) -> list[str]:
    """The users of a role: its own name, or that and `-` with a suffix."""
    named_so = (row["user"] for row in facts.permissions)
    return [user for user in named_so if user == role.name or user.startswith(f"{role.name}-")]
