"""What an operator may set for the config service."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field

from shared.database.engine import DatabaseSettings
from shared.health import AdminSettings
from shared.messaging.consumer import ConsumerSettings
from shared.notifying import NotifySettings
from shared.service import ServiceSettings
from shared.tokens import TokenSettings

APPLY_TIMEOUT_MAX_S = 5.0
"""And two more, where a statement must be given up: whoever waits ten seconds for an answer gets it."""

READING_CONNECTIONS = 2
"""Per process, beside `LOTWISE_DATABASE_POOL_SIZE`."""


NoticeKind = Literal["change", "schedule", "parked", "condition"]
"""What people can be told of: a new configuration, a plan that came due, parked messages, alert conditions."""

NOTICE_TIMEOUT_S = 5.0
"""The longest that one look for notices may take in the database."""


def _split(kinds: str) -> frozenset[str]:
    return frozenset(kind.strip() for kind in kinds.split(",") if kind.strip())


def _kinds(kinds: str) -> str:
    known = get_args(NoticeKind)
    if not _split(kinds) or not _split(kinds) <= set(known):
        raise ValueError(f"must be one or more of {', '.join(known)}, separated by commas")
    return kinds


class ConfigServiceSettings(
    ServiceSettings, ConsumerSettings, DatabaseSettings, AdminSettings, TokenSettings, NotifySettings
):
    """Times in seconds.

    `http_host` and `http_port`: where the public API listens; TLS is the reverse proxy's in front of it.
    `http_trusted_proxies`: whose word on the caller's address and scheme is taken, addresses or networks.
    `http_writes_per_minute`, `http_reads_per_minute`: by user; `http_auth_failures_per_minute`: by address. A page that
    is open asks 53 times a minute.
    `http_read_timeout_seconds`: the longest that one look-up of accounts or decisions may take.
    `command_seconds`: the age at which a config command is `expired`, by its timestamp and the database's clock.
    `schedule_grace_seconds`: how late a planned change may still be applied, where nobody could in time.
    `stream_clients_max`: how many may follow each of the live streams at once, in this process.
    `notify_kinds`: what the channels of `notify_urls` are told of; `notify_per_hour`: at most so many of each kind.
    `notify_check_seconds`: how often parked messages and alert conditions are looked at.
    """

    admin_port: Annotated[int, Field(ge=0, le=65535)] = 9103
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    http_trusted_proxies: str = "127.0.0.1"
    http_writes_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    http_reads_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    http_auth_failures_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 120
    http_read_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2
    command_seconds: Annotated[float, Field(gt=0, le=3600)] = 30

    schedule_grace_seconds: Annotated[float, Field(ge=0, le=86_400)] = 300
    stream_clients_max: Annotated[int, Field(ge=1, le=100_000)] = 1000
    notify_kinds: Annotated[str, AfterValidator(_kinds)] = "change,schedule,parked,condition"
    notify_per_hour: Annotated[int, Field(ge=1, le=1000)] = 20
    notify_check_seconds: Annotated[float, Field(ge=1, le=3600)] = 60

    @property
    def notified_kinds(self) -> frozenset[str]:
        """The kinds of notices that are sent."""
        return _split(self.notify_kinds)

    @property
    def apply_timeout_s(self) -> float:
        """How long one command is tried: well within what the handler may take, so that it is always answered."""
        return min(APPLY_TIMEOUT_MAX_S, self.handler_timeout_seconds / 2)

    def for_reading(self) -> Self:
        """The same for the connections of look-ups: they are not those that the dial needs, however many come."""
        timeout_s = self.http_read_timeout_seconds
        return self.model_copy(
            update={
                "database_pool_size": READING_CONNECTIONS,
                "database_statement_timeout_seconds": timeout_s,
                "database_lock_timeout_seconds": timeout_s,
            }
        )

    def for_notices(self) -> Self:
        """The same for the one connection that notices are looked for through, and that the duty is held by."""
        return self.model_copy(update={"database_pool_size": 1, "database_statement_timeout_seconds": NOTICE_TIMEOUT_S})

    def one_at_a_time(self) -> Self:
        """The same for the consumer of commands: each is answered before the next is looked at."""
        return self.model_copy(update={"batch_max": 1})
