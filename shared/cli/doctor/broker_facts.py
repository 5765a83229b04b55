"""Asking the broker: the management API, and AMQP for what the API tells late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from shared.cli.dead.acting import find
from shared.cli.dead.filters import Filter
from shared.cli.doctor.broker import BrokerFacts, skew_s
from shared.cli.topology import TopologySettings
from shared.errors import DependencyError, DeploymentError
from shared.messaging.comparison import differences, read_broker
from shared.messaging.declaration import count_consumers
from shared.messaging.management import management_api
from shared.messaging.topology import WORK_QUEUES


def ask_management(settings: TopologySettings) -> BrokerFacts:
    """Raises DependencyError where the API does not answer, DeploymentError where it refuses us."""
    url, vhost = settings.api_url.get_secret_value(), quote(settings.virtual_host, safe="")
    found = differences(read_broker(url, settings.virtual_host))
    with management_api(url, virtual_host=settings.virtual_host, needs="administrator") as api:

        def rows(path: str) -> Any:
            return api.get(f"/api/{path}").raise_for_status().json()

        before = datetime.now(UTC)
        overview = api.get("/api/overview").raise_for_status()
        after = datetime.now(UTC)
        told = overview.headers.get("date")
        return BrokerFacts(
            version=overview.json()["rabbitmq_version"],
            nodes=rows("nodes"),
            differences=[str(difference) for difference in found],
            users={row["name"]: _tags(row["tags"]) for row in rows("users")},
            permissions=rows(f"vhosts/{vhost}/permissions"),
            topic_permissions=rows(f"vhosts/{vhost}/topic-permissions"),
            ahead_s=skew_s(parsedate_to_datetime(told), before, after) if told else None,
        )


async def ask_consumers(settings: TopologySettings) -> Mapping[str, int | None]:
    """How many consume each work queue. Raises DependencyError, DeploymentError."""
    return {queue.name: await count_consumers(settings, queue.name) for queue in WORK_QUEUES}


async def ask_parked(settings: TopologySettings) -> Mapping[str, Counter[str] | None]:
    """The reasons of what is parked, by its work queue."""
    found: dict[str, Counter[str] | None] = {}
    for queue in WORK_QUEUES:
        try:
            parked = await find(settings, (queue.name,), Filter(), None)
        except (DependencyError, DeploymentError):
            found[queue.name] = None
        else:
            found[queue.name] = Counter(one.reason for one in parked)
    return found


def _tags(tags: str | list[str]) -> list[str]:
    """Before 3.9 the tags are one string."""
    return [tag for tag in tags.split(",") if tag] if isinstance(tags, str) else tags
