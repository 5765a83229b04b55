"""The Docker engine and Compose, by their own command lines."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.servers.ports import LOOPBACK, free_ports
from dev.tree import ROOT

BUILD_TIMEOUT_S = 900.0
COMMAND_TIMEOUT_S = 300.0
SECRET_BYTES = 32
EXAMPLE = ROOT / "deploy" / "compose.env.example"


class EngineError(Exception):
    """A command of Docker's failed; the message has the command and what it said."""


def docker(*arguments: str, timeout_s: float = COMMAND_TIMEOUT_S, variables: Mapping[str, str] | None = None) -> str:
    """Run `docker ARGUMENTS` at the root of the checkout, under these variables; returns what it printed."""
    command = ["docker", *arguments]
    try:
        ended = subprocess.run(  # noqa: S603  # no shell, no word that is not ours
            command,
            check=False,
            cwd=ROOT,
            env={**os.environ, "DOCKER_BUILDKIT": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    except FileNotFoundError:
        raise EngineError("there is no `docker` on the PATH") from None
    if ended.returncode != 0:
        raise EngineError(
            f"`{' '.join(command)}` ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}".rstrip()
        )
    return ended.stdout.strip()


def check_engine() -> None:
    """Raises EngineError where no engine answers, or it has no Compose v2."""
    docker("version", "--format", "{{.Server.Version}}")
    docker("compose", "version")


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of a container or an image."""
    (found,) = json.loads(docker("inspect", name))
    return dict(found)


@dataclass(frozen=True, slots=True)
class Project:
    """docker-compose.yml under a name, secrets and ports of its own."""

    name: str
    settings: Mapping[str, str]

    def compose(self, *arguments: str) -> str:
        """Run `docker compose ARGUMENTS` for it."""
        return docker("compose", "--project-name", self.name, *arguments, variables=self.settings)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self.compose("ps", "--all", "--quiet", service).split()

    def amqp_url(self, role: str, password: str) -> str:
        """The broker as it is reached from this machine; `password` is the name of its variable."""
        return f"amqp://{role}:{self.settings[password]}@{LOOPBACK}:{self.settings['LOTWISE_AMQP_PORT']}/lotwise"

    @property
    def http_url(self) -> str:
        """The HTTP API as it is reached from this machine."""
        return f"http://{LOOPBACK}:{self.settings['LOTWISE_HTTP_PORT']}"

    def leftovers(self) -> str:
        """Names of what the engine still holds of it: containers, volumes, networks."""
        mine = f"label=com.docker.compose.project={self.name}"
        kinds = [["ps", "--all", "--quiet"], ["volume", "ls", "--quiet"], ["network", "ls", "--quiet"]]
        return " ".join(docker(*kind, "--filter", mine) for kind in kinds).strip()


def new_project(image: str) -> Project:
    """A project that runs `image`, with every secret of compose.env.example filled in, on free ports."""
    names = re.findall(r"^(\w+)=$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    ports = ["LOTWISE_AMQP_PORT", "LOTWISE_MANAGEMENT_PORT", "LOTWISE_HTTP_PORT", "LOTWISE_PROMETHEUS_PORT"]
    settings = {name: secrets.token_hex(SECRET_BYTES) for name in names}
    settings |= dict(zip(ports, map(str, free_ports(len(ports))), strict=True))
    return Project(f"lotwise-test-{secrets.token_hex(4)}", {**settings, "LOTWISE_IMAGE": image})


def build(image: str, *, of: Path = ROOT) -> None:
    """Build the image of this checkout."""
    docker("build", "--quiet", "--tag", image, str(of), timeout_s=BUILD_TIMEOUT_S)
