"""What an operator may set for the sync consumer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.database.engine import DatabaseSettings
from shared.health import AdminSettings
from shared.messaging.consumer import ConsumerSettings
from shared.service import ServiceSettings


class SyncConsumerSettings(ServiceSettings, ConsumerSettings, DatabaseSettings, AdminSettings):
    """Times in seconds.

    `freshness_seconds`: an account whose snapshot is older is `stale`.
    `freshness_check_seconds`: how often that is looked at, at most ten.
    `sync_log_days`: how long the log of deliveries is kept; 0 keeps it for ever.
    """

    admin_port: Annotated[int, Field(ge=0, le=65535)] = 9101
    freshness_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    freshness_check_seconds: Annotated[float, Field(gt=0, le=10)] = 5
    sync_log_days: Annotated[int, Field(ge=0, le=36_500)] = 90
