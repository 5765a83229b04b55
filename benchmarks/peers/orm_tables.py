"""The tables of the product as classes of SQLAlchemy's ORM."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import DeclarativeBase

from shared.database import tables


class Base(DeclarativeBase):
    """What they have in common."""

    metadata = tables.metadata


class AccountRow(Base):
    """An account."""

    __table__ = tables.user_mt5_accounts


class DetailsRow(Base):
    """What else is known of it."""

    __table__ = tables.user_mt5_account_details


class SyncLogRow(Base):
    """What a delivery did."""

    __table__ = tables.user_mt5_sync_logs
    __mapper_args__: dict[str, Any] = {"primary_key": [tables.user_mt5_sync_logs.c.id]}  # noqa: RUF012 - SQLAlchemy's own form


class SpecRow(Base):
    """What its broker says of a symbol."""

    __table__ = tables.mt5_instruments


class VersionRow(Base):
    """A version of the configuration."""

    __table__ = tables.risk_configuration_history


class ReservationRow(Base):
    """What an approval holds."""

    __table__ = tables.margin_reservations


class DecisionRow(Base):
    """What was decided."""

    __table__ = tables.decisions


class RecordRow(Base):
    """Its proof."""

    __table__ = tables.decision_records


class RiskLogRow(Base):
    """Its audit row."""

    __table__ = tables.trade_setup_risk_logs
    __mapper_args__: dict[str, Any] = {"primary_key": [tables.trade_setup_risk_logs.c.id]}  # noqa: RUF012 - SQLAlchemy's own form
