"""Three private RabbitMQ nodes that form one cluster, with one port mapper between them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from dev.servers.broker import EPMD_TIMEOUT_S, Broker, Peering, port_mapper
from dev.servers.ports import free_ports, is_listening

if TYPE_CHECKING:
    from dev.runs.ledger import Ledger

NODES = 3


class BrokerCluster:
    """Nodes that know each other from the start; what one of them is told, all know."""

    def __init__(self, ledger: Ledger) -> None:
        """Lay out their folders; FileNotFoundError where RabbitMQ or Erlang is not installed."""
        (self._epmd_port,) = free_ports(1)
        names = [f"broker-{number}-{secrets.token_hex(3)}" for number in range(1, NODES + 1)]
        peering = Peering(
            tuple(f"{name}@localhost" for name in names),
            self._epmd_port,
            secrets.token_hex(16),
            secrets.token_urlsafe(24),
        )
        self._port_mapper = port_mapper(self._epmd_port, ledger.folder, ledger)
        self.nodes = [Broker(ledger, name=name, peering=peering) for name in names]

    def start(self) -> None:
        """Start all together, as they wait for each other, until each serves; raises ProgramError."""
        self._port_mapper.start()
        self._port_mapper.wait_ready(lambda: is_listening(self._epmd_port), timeout_s=EPMD_TIMEOUT_S)
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_ready()

    def discard(self) -> None:
        """End all at once: the data are not wanted any more."""
        for node in self.nodes:
            node.discard()
        self._port_mapper.stop()

    def leader_of(self, queue: str, virtual_host: str) -> Broker:
        """The node that leads a quorum queue now, as a node that runs knows it."""
        asked = next(node for node in self.nodes if node.is_running())
        listed = asked.control("list_queues", "--vhost", virtual_host, "name", "leader", "--no-table-headers")
        leaders = dict(line.split("\t") for line in listed.splitlines())
        return next(node for node in self.nodes if node.node_name == leaders[queue])
