"""Free ports on the loopback interface."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST = 20_000
TRIES = 500


class NoFreePortError(Exception):
    """Every port tried was taken."""


def free_ports(count: int) -> list[int]:
    """Return different ports that nobody listens on, below those the kernel gives to outgoing connections.

    One of the kernel's own choice could be taken by a connection between here and the server's start.
    """
    ports: list[int] = []
    with ExitStack() as held:
        for _ in range(TRIES):
            if len(ports) == count:
                return ports
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                probe.bind((LOOPBACK, random.randrange(LOWEST, _first_ephemeral())))  # noqa: S311  # not a secret
            except OSError:
                continue
            ports.append(probe.getsockname()[1])
    raise NoFreePortError(f"no {count} free ports between {LOWEST} and {_first_ephemeral()}")


def is_listening(port: int, *, timeout_s: float = 1.0) -> bool:
    """Tell whether somebody accepts connections on this port of the loopback interface."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def _first_ephemeral() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except OSError:
        first = 32_768
    return first if first > LOWEST + TRIES else 65_536
