"""Broker and database in containers, by testcontainers, where a Docker engine answers and has or can get the images.

`TESTCONTAINERS_…` and `DOCKER_…` in the environment are testcontainers' and Docker's own settings and are honoured.
Imported only where it is used: it alone takes as long as all the rest.
"""

from __future__ import annotations

import os
import secrets
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.exceptions import ContainerConnectException, ContainerStartException

from dev.servers.errors import UnavailableError
from dev.servers.management import PROBE_TIMEOUT_S, Management, ManagementError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own decorator, used in its own module
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.community.rabbitmq import RabbitMqContainer

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

    from dev.progress import Say
    from dev.runs.ledger import Ledger

POSTGRES_IMAGE = "postgres:15"
RABBITMQ_IMAGE = "rabbitmq:3-management"
AMQP_PORT = 5672
API_PORT = 15672
ENGINE_TIMEOUT_S = 5
PULL_TIMEOUT_S = 180.0
READY_TIMEOUT_S = 60.0
POLL_S = 0.2
ADMIN = "lotwise_operator"
LABEL = "lotwise.run"


def check_engine(say: Say) -> None:
    """Make sure that an engine answers and has the images, pulling them if need be; raises UnavailableError."""
    socket = Path(docker.utils.parse_host(docker.utils.kwargs_from_env().get("base_url")).removeprefix("http+unix://"))
    if socket.is_absolute() and not socket.exists():
        # Asked first, because docker's client leaks a socket where it finds nobody.
        raise UnavailableError(f"no Docker engine answers (there is no {socket})")
    try:
        client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
        client.ping()
    except (DockerException, RequestException) as error:
        raise UnavailableError(f"no Docker engine answers ({_short(error)})") from error
    prefix = testcontainers_config.hub_image_name_prefix
    with closing(client):
        for image in (POSTGRES_IMAGE, RABBITMQ_IMAGE):
            if not client.images.list(name=prefix + image):
                say(f"  pulling {prefix}{image} …")
                _pull(client, prefix + image)


def _pull(client: docker.DockerClient, image: str) -> None:
    repository, _, tag = image.rpartition(":")
    deadline = time.monotonic() + PULL_TIMEOUT_S
    try:
        for progress in client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in progress:
                raise UnavailableError(f"cannot pull {image}: {progress['error']}")
            if time.monotonic() > deadline:
                raise UnavailableError(f"cannot pull {image} within {PULL_TIMEOUT_S:g} s")
    except (DockerException, RequestException) as error:
        raise UnavailableError(f"cannot pull {image} ({_short(error)})") from error


class Containers:
    """One PostgreSQL and one RabbitMQ container, removed with their volumes by `discard`, or by the ledger's sweep."""

    def __init__(self, ledger: Ledger) -> None:
        # The ledger's guard does what testcontainers' reaper does, without one more image; asked for, it is used.
        if "TESTCONTAINERS_RYUK_DISABLED" not in os.environ:
            testcontainers_config.ryuk_disabled = True
        self._ledger = ledger
        self._password = secrets.token_hex(16)
        self._postgres = PostgresContainer(POSTGRES_IMAGE, username=ADMIN, password=self._password, dbname="postgres")
        self._rabbitmq = RabbitMqContainer(RABBITMQ_IMAGE, username=ADMIN, password=self._password)
        self._rabbitmq.with_exposed_ports(AMQP_PORT, API_PORT)
        self._run = f"{ledger.folder.name}-{secrets.token_hex(4)}"
        for container in (self._postgres, self._rabbitmq):
            container.with_kwargs(labels={LABEL: self._run})

    @property
    def amqp_url(self) -> str:
        """The administrator's URL, in the default vhost."""
        return f"amqp://{ADMIN}:{self._password}@{self._address(self._rabbitmq, AMQP_PORT)}/"

    @property
    def api_url(self) -> str:
        """The management API with the administrator's credentials."""
        return f"http://{ADMIN}:{self._password}@{self._address(self._rabbitmq, API_PORT)}"

    @property
    def database_url(self) -> str:
        """The superuser's URL, of the maintenance database."""
        return f"postgresql://{ADMIN}:{self._password}@{self._address(self._postgres, self._postgres.port)}/postgres"

    def start(self) -> None:
        """Start both and wait until they serve; raises UnavailableError, with nothing left behind."""
        self._ledger.note_containers(self._run)
        try:
            self._postgres.start()
            self._rabbitmq.start()
            self._wait_for_api()
        except (
            DockerException,
            RequestException,
            ContainerStartException,
            ContainerConnectException,
            TimeoutError,
        ) as error:
            self.discard()
            raise UnavailableError(f"the containers do not start ({_short(error)})") from error

    def discard(self) -> None:
        """Remove both, data included."""
        for container in (self._rabbitmq, self._postgres):
            container.stop(force=True, delete_volume=True)

    def _wait_for_api(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while True:
            try:
                with Management(self.api_url, timeout_s=PROBE_TIMEOUT_S) as management:
                    management.vhosts()
            except ManagementError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(str(error)) from error
                time.sleep(POLL_S)
            else:
                return

    @staticmethod
    def _address(container: DockerContainer, port: int) -> str:
        return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


def remove_containers(run: str) -> None:
    """Remove the containers that a run left behind; nothing happens where they, or the engine, are gone."""
    try:
        with closing(docker.from_env(timeout=ENGINE_TIMEOUT_S)) as client:
            for container in client.containers.list(all=True, filters={"label": f"{LABEL}={run}"}):
                container.remove(force=True, v=True)
    except (DockerException, RequestException):
        return


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
