"""A private RabbitMQ node from the machine's binaries: its own cookie, port mapper, ports and data, on loopback only.

It is started by the scripts under `/usr/lib/rabbitmq`: those in `/usr/sbin` change the user and lose the cookie.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dev.runs.program import Program, ProgramError
from dev.servers.management import PROBE_TIMEOUT_S, Management, ManagementError
from dev.servers.ports import LOOPBACK, free_ports, is_listening
from shared.messaging.permissions import SALT_BYTES, user_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dev.runs.ledger import Ledger
    from dev.servers.certificate import Certificate

ADMIN = "lotwise-operator"
READY_TIMEOUT_S = 60.0
EPMD_TIMEOUT_S = 10.0
STOP_GRACE_S = 30.0
EPMD_GRACE_S = 3.0
CONTROL_TIMEOUT_S = 60.0
STARTS = 3
ADVANCED = "[{rabbit, [{quorum_tick_interval, 1000}]}]."
"""A quorum queue tells how many messages it holds every second, not every five: who waits for that is sooner done."""
PLUGINS = "[rabbitmq_management,rabbitmq_prometheus]."
SCRIPTS = ("/usr/lib/rabbitmq/bin", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin", "/opt/rabbitmq/sbin")
PORT_MAPPERS = ("/usr/lib/erlang/bin/epmd", "/usr/lib/erlang/erts-*/bin/epmd")


def find_server() -> Path | None:
    """Return the script that starts a node; None where RabbitMQ is not installed."""
    return _first(SCRIPTS, "rabbitmq-server")


def find_port_mapper() -> Path | None:
    """Return Erlang's epmd; None where Erlang is not installed."""
    if (found := shutil.which("epmd")) is not None:
        return Path(found)
    return next((path for pattern in PORT_MAPPERS for path in Path("/").glob(pattern[1:])), None)


def _first(folders: tuple[str, ...], name: str) -> Path | None:
    found = (folder / name for pattern in folders for folder in sorted(Path("/").glob(pattern[1:]), reverse=True))
    return next((path for path in found if os.access(path, os.X_OK)), None)


@dataclass(frozen=True, slots=True)
class Peering:
    """What the nodes of one cluster have in common; `nodes` are their full names, `epmd_port` their port mapper's."""

    nodes: tuple[str, ...]
    epmd_port: int
    cookie: str
    password: str


class Broker:
    """One private node. Its data survives `stop` and `kill`, and goes with the run's folder."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        name: str = "broker",
        certificate: Certificate | None = None,
        definitions: Sequence[Path] = (),
        peering: Peering | None = None,
    ) -> None:
        """Lay out the node's folder; FileNotFoundError where RabbitMQ or Erlang is not installed.

        With a `certificate` it listens for TLS too, on `tls_port`. `definitions` are files that the node loads when it
        starts, after its own, which makes the administrator. With a `peering`, which names `NAME@localhost` among its
        nodes, it forms a cluster with the others, and their common port mapper is the caller's.
        """
        server = find_server()
        if server is None or find_port_mapper() is None:
            raise FileNotFoundError("RabbitMQ is not installed (rabbitmq-server)")
        self.folder = ledger.folder / name
        self.folder.mkdir(mode=0o700)
        self.log = self.folder / "node.log"
        self._peering = peering
        self._password = peering.password if peering else secrets.token_urlsafe(24)
        self._ledger = ledger
        self.node_name = f"{name}@localhost" if peering else f"{name}-{secrets.token_hex(3)}@localhost"
        self._server_command = str(server)
        self._has_served = False
        self._certificate = certificate
        loaded = self.folder / "definitions"
        loaded.mkdir(mode=0o700)
        for number, file in enumerate(definitions, 1):
            shutil.copy(file, loaded / f"{number}.json")
        self._take_ports()

    def _take_ports(self) -> None:
        self.port, self.tls_port, self.api_port, self.metrics_port, epmd, dist, *ctl = free_ports(8)
        self._epmd_port = self._peering.epmd_port if self._peering else epmd
        self._own_port_mapper = None if self._peering else port_mapper(epmd, self.folder, self._ledger)
        environment = self._environment(self._epmd_port, dist, (min(ctl), max(ctl)))
        self._node = Program(
            "rabbitmq",
            [self._server_command],
            environment=environment,
            log=self.log,
            ledger=self._ledger,
            grace_s=STOP_GRACE_S,
            discard_signal=signal.SIGKILL,  # an orderly stop takes 6 s, for data that go the next moment
            is_server=True,
        )

    @property
    def amqp_url(self) -> str:
        """The administrator's URL, in the default vhost."""
        return f"amqp://{ADMIN}:{self._password}@{LOOPBACK}:{self.port}/"

    @property
    def api_url(self) -> str:
        """The management API with the administrator's credentials."""
        return f"http://{ADMIN}:{self._password}@{LOOPBACK}:{self.api_port}"

    @property
    def metrics_url(self) -> str:
        """The Prometheus listener, which asks for no credentials."""
        return f"http://{LOOPBACK}:{self.metrics_port}"

    @property
    def pid(self) -> int:
        """The node's process."""
        return self._node.pid

    def is_running(self) -> bool:
        """Tell whether the node's process runs."""
        return self._node.is_running()

    def start(self) -> None:
        """Start and wait until it serves; raises ProgramError."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting: it takes seconds, in which other things can be done. Raises ProgramError."""
        self._write_configuration()
        if self._own_port_mapper and not self._own_port_mapper.is_running():
            self._own_port_mapper.start()
            self._own_port_mapper.wait_ready(lambda: is_listening(self._epmd_port), timeout_s=EPMD_TIMEOUT_S)
        self._node.start()

    def wait_ready(self) -> None:
        """Wait until it serves; launched again on other ports where ours were taken meanwhile. Raises ProgramError."""
        for attempt in range(1, STARTS + 1):
            try:
                self._node.wait_ready(self._serves, timeout_s=READY_TIMEOUT_S)
            except ProgramError:
                self.kill()
                if attempt == STARTS or self._has_served:
                    raise  # its clients know its ports
                self._take_ports()
                self.launch()
            else:
                self._has_served = True
                return

    def _serves(self) -> bool:
        ports = [self.port, self.api_port, *([self.tls_port] if self._certificate else [])]
        if not all(map(is_listening, ports)):
            return False
        try:
            with Management(self.api_url, timeout_s=PROBE_TIMEOUT_S) as management:
                return "administrator" in management.whoami_tags()
        except ManagementError:
            return False

    def stop(self) -> bool:
        """Stop node and port mapper, nothing confirmed is lost; True where nobody had to be killed."""
        graceful = self._node.stop()
        self._stop_port_mapper()
        return graceful

    def discard(self) -> None:
        """End node and port mapper at once: the data are not wanted any more."""
        self._node.discard()
        self._stop_port_mapper()

    def kill(self) -> None:
        """Kill the node as a crash would; the port mapper goes too."""
        self._node.kill()
        self._stop_port_mapper()

    def send(self, number: signal.Signals) -> None:
        """Send the node a signal (SIGSTOP, SIGCONT, …)."""
        self._node.send(number)

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on the node and return what it printed; ProgramError where it failed."""
        ended = subprocess.run(
            [str(Path(self._server_command).with_name("rabbitmqctl")), "--node", self.node_name, "--quiet", *arguments],
            check=False,
            env=self._node.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CONTROL_TIMEOUT_S,
        )
        if ended.returncode != 0:
            raise ProgramError(f"rabbitmqctl {arguments[0]} ended with {ended.returncode}: {ended.stderr.strip()}")
        return ended.stdout.strip()

    def _stop_port_mapper(self) -> None:
        if self._own_port_mapper:
            self._own_port_mapper.stop()

    def _write_configuration(self) -> None:
        for name, text in {
            "rabbitmq.conf": self._configuration(),
            "advanced.config": ADVANCED,
            "enabled_plugins": PLUGINS,
            "definitions/0.json": json.dumps(self._definitions()),
        }.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        if self._peering and not (cookie := self.folder / ".erlang.cookie").exists():
            cookie.write_text(self._peering.cookie, encoding="ascii")
            cookie.chmod(0o400)

    def _configuration(self) -> str:
        return "\n".join(
            [
                *(self._tls_listener(self._certificate) if self._certificate else []),
                f"listeners.tcp.1 = {LOOPBACK}:{self.port}",
                f"management.tcp.ip = {LOOPBACK}",
                f"management.tcp.port = {self.api_port}",
                f"prometheus.tcp.ip = {LOOPBACK}",
                f"prometheus.tcp.port = {self.metrics_port}",
                f"load_definitions = {self.folder / 'definitions'}",
                "log.console = true",
                "log.console.level = info",
                "log.file = false",
                "disk_free_limit.absolute = 200MB",
                *(_discovery(self._peering) if self._peering else []),
                "",
            ]
        )

    def _tls_listener(self, certificate: Certificate) -> list[str]:
        chain, key = self.folder / "server.crt", self.folder / "server.key"
        chain.write_text(certificate.chain, encoding="ascii")
        key.write_text(certificate.key, encoding="ascii")  # the folder is nobody else's
        return [
            f"listeners.ssl.1 = {LOOPBACK}:{self.tls_port}",
            f"ssl_options.certfile = {chain}",
            f"ssl_options.keyfile = {key}",
            "ssl_options.verify = verify_none",  # clients show a password instead
        ]

    def _definitions(self) -> dict[str, object]:
        """One administrator and the default vhost: a blank node that loads definitions makes no guest."""
        full = {"configure": ".*", "write": ".*", "read": ".*"}
        salt = secrets.token_bytes(SALT_BYTES)
        administrator = user_row(ADMIN, self._password, salt=salt, tags="administrator")
        return {
            "users": [administrator],
            "vhosts": [{"name": "/"}],
            "permissions": [{"user": ADMIN, "vhost": "/", **full}],
        }

    def _environment(self, epmd: int, dist: int, ctl: tuple[int, int]) -> dict[str, str]:
        own = {f"RABBITMQ_{name}_FILE": str(self.folder / file) for name, file in FILES.items()}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),  # the cookie
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            # The script then becomes the node, instead of waiting for it: one process, one pid.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": self.node_name,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(ctl[0]),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(ctl[1]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            **own,
        }


def port_mapper(port: int, folder: Path, ledger: Ledger) -> Program:
    """Erlang's epmd on loopback, not started yet; FileNotFoundError where Erlang is not installed."""
    if (found := find_port_mapper()) is None:
        raise FileNotFoundError("Erlang is not installed (epmd)")
    return Program(
        "epmd",
        [str(found), "-port", str(port), "-address", LOOPBACK],
        environment={"PATH": os.environ.get("PATH", os.defpath), "ERL_EPMD_PORT": str(port)},
        log=folder / "epmd.log",
        ledger=ledger,
        grace_s=EPMD_GRACE_S,
        is_server=True,
    )


def _discovery(peering: Peering) -> list[str]:
    return [
        "cluster_formation.peer_discovery_backend = classic_config",
        f"cluster_formation.target_cluster_size_hint = {len(peering.nodes)}",
        *(f"cluster_formation.classic_config.nodes.{number} = {node}" for number, node in enumerate(peering.nodes, 1)),
    ]


FILES = {
    "CONFIG": "rabbitmq.conf",
    "ADVANCED_CONFIG": "advanced.config",
    "ENABLED_PLUGINS": "enabled_plugins",
    "PID": "node.pid",
}
