"""A private RabbitMQ node from the machine's binaries: its own cookie, port mapper, ports and data, on loopback only.

It is started by the scripts under `/usr/lib/rabbitmq`: those in `/usr/sbin` change the user and lose the cookie.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from dev.runs.program import Program, ProgramError
from dev.servers.management import Management, ManagementError
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
STARTS = 3
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


class Broker:
    """One private node. Its data survives `stop` and `kill`, and goes with the run's folder."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        name: str = "broker",
        certificate: Certificate | None = None,
        definitions: Sequence[Path] = (),
    ) -> None:
        """Lay out the node's folder; FileNotFoundError where RabbitMQ or Erlang is not installed.

        With a `certificate` it listens for TLS too, on `tls_port`. `definitions` are files that the node loads when it
        starts, after its own, which makes the administrator.
        """
        server, port_mapper = find_server(), find_port_mapper()
        if server is None or port_mapper is None:
            raise FileNotFoundError("RabbitMQ is not installed (rabbitmq-server)")
        self.folder = ledger.folder / name
        self.folder.mkdir(mode=0o700)
        self.log = self.folder / "node.log"
        self._password = secrets.token_urlsafe(24)
        self._ledger = ledger
        self._node_name = f"{name}-{secrets.token_hex(3)}@localhost"
        self._port_mapper_command = str(port_mapper)
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
        environment = self._environment(epmd, dist, (min(ctl), max(ctl)))
        self._port_mapper = Program(
            "epmd",
            [self._port_mapper_command, "-port", str(epmd), "-address", LOOPBACK],
            environment=environment,
            log=self.folder / "epmd.log",
            ledger=self._ledger,
            grace_s=EPMD_GRACE_S,
            is_server=True,
        )
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
        self._epmd_port = epmd

    @property
    def amqp_url(self) -> str:
        """The administrator's URL, in the default vhost."""
        return f"amqp://{ADMIN}:{self._password}@{LOOPBACK}:{self.port}/"

    @property
    def api_url(self) -> str:
        """The management API with the administrator's credentials."""
        return f"http://{ADMIN}:{self._password}@{LOOPBACK}:{self.api_port}"

    @property
    def pid(self) -> int:
        """The node's process."""
        return self._node.pid

    def start(self) -> None:
        """Start and wait until it serves; raises ProgramError."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting: it takes seconds, in which other things can be done. Raises ProgramError."""
        self._write_configuration()
        if not self._port_mapper.is_running():
            self._port_mapper.start()
            self._port_mapper.wait_ready(lambda: is_listening(self._epmd_port), timeout_s=EPMD_TIMEOUT_S)
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
            with Management(self.api_url) as management:
                return "administrator" in management.whoami_tags()
        except ManagementError:
            return False

    def stop(self) -> bool:
        """Stop node and port mapper, nothing confirmed is lost; True where nobody had to be killed."""
        graceful = self._node.stop()
        self._port_mapper.stop()
        return graceful

    def discard(self) -> None:
        """End node and port mapper at once: the data are not wanted any more."""
        self._node.discard()
        self._port_mapper.stop()

    def kill(self) -> None:
        """Kill the node as a crash would; the port mapper goes too."""
        self._node.kill()
        self._port_mapper.stop()

    def _write_configuration(self) -> None:
        for name, text in {
            "rabbitmq.conf": self._configuration(),
            "advanced.config": "[].",
            "enabled_plugins": PLUGINS,
            "definitions/0.json": json.dumps(self._definitions()),
        }.items():
            (self.folder / name).write_text(text, encoding="utf-8")

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
            "RABBITMQ_NODENAME": self._node_name,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(ctl[0]),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(ctl[1]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            **own,
        }


FILES = {
    "CONFIG": "rabbitmq.conf",
    "ADVANCED_CONFIG": "advanced.config",
    "ENABLED_PLUGINS": "enabled_plugins",
    "PID": "node.pid",
}
