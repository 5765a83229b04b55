"""Bridges whose terminal is replayed and whose messages are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dev.tree import ROOT
from examples.ea_bridge.bridge import Bridge
from examples.ea_bridge.replayed_terminal import ReplayedTerminal
from examples.ea_bridge.settings import BridgeSettings
from shared.client import DependencyError
from shared.schemas.account import AccountInstruments, AccountSnapshot

EXAMPLE: Path = ROOT / "examples" / "ea_bridge" / "ea-bridge.toml"


class Kept:
    """What was published; while `away` nothing can be."""

    def __init__(self) -> None:
        self.away = False
        self.refused = 0
        self.messages: list[AccountSnapshot | AccountInstruments] = []

    async def publish(self, snapshot: AccountSnapshot, *, timeout_s: float) -> None:
        """Keep a snapshot."""
        self._keep(snapshot, timeout_s)

    async def publish_instruments(self, instruments: AccountInstruments, *, timeout_s: float) -> None:
        """Keep specs."""
        self._keep(instruments, timeout_s)

    def _keep(self, message: AccountSnapshot | AccountInstruments, timeout_s: float) -> None:
        if self.away:
            self.refused += 1
            raise DependencyError(f"the broker is away for {timeout_s} s")
        self.messages.append(message)

    @property
    def snapshots(self) -> list[AccountSnapshot]:
        """The snapshots, in order."""
        return [message for message in self.messages if isinstance(message, AccountSnapshot)]

    @property
    def specs(self) -> list[list[str]]:
        """The instruments that each message of specs named, in order."""
        told = [message.instruments for message in self.messages if isinstance(message, AccountInstruments)]
        return [[spec["instrument"] for spec in specs] for specs in told]


def bridge(terminal: ReplayedTerminal, kept: Kept, **settings: Any) -> Bridge:
    """A bridge of EURUSD and EURJPY."""
    given = {
        "user_id": "u-17",
        "instruments": ["EURUSD", "EURJPY"],
        "snapshot_every_s": 0.05,
        "terminal_retry_s": 0.05,
        **settings,
    }
    return Bridge(terminal, kept, BridgeSettings(**given))
