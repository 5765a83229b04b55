"""What an operator may set for the sizing worker."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.database.engine import DatabaseSettings
from shared.health import AdminSettings
from shared.messaging.consumer import ConsumerSettings
from shared.service import ServiceSettings
from shared.sizing.configuration import RiskBasis, Rules


class SizingWorkerSettings(ServiceSettings, ConsumerSettings, DatabaseSettings, AdminSettings):
    """Times in seconds.

    `risk_basis`: the amount that the risk percent is taken of. `freshness_seconds`, `instrument_freshness_seconds`:
    the age at which an account's snapshot, and a published spec, no longer serve. `request_seconds`: how long after
    its timestamp a request without `expires_at` is still awaited. `reservation_seconds`: how long an approval may be
    acted upon, and holds its margin at the least. `reconcile_seconds`: how often the configuration in memory is
    compared with the database's. `decision_days`: how long a decision is remembered; at least as long as its request
    can live: parked for 14 days, replayed on the last of them, and parked again. `risk_log_days`: how long the audit
    rows are kept; 0 keeps them for ever.
    """

    admin_port: Annotated[int, Field(ge=0, le=65535)] = 9102
    risk_basis: RiskBasis = "balance"
    freshness_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    instrument_freshness_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 86_400
    request_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    reservation_seconds: Annotated[int, Field(ge=1, le=86_400)] = 120
    reconcile_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    decision_days: Annotated[int, Field(ge=29, le=36_500)] = 30
    risk_log_days: Annotated[int, Field(ge=0, le=36_500)] = 730

    @property
    def rules(self) -> Rules:
        """The part of the settings that decisions depend on."""
        return Rules(
            risk_basis=self.risk_basis,
            freshness_s=self.freshness_seconds,
            instrument_freshness_s=self.instrument_freshness_seconds,
            reservation_s=self.reservation_seconds,
        )
