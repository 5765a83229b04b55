"""Free ports on the loopback interface."""

from __future__ import annotations

import os
import random
import socket
from collections import deque
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST = 20_000
TRIES = 500
PROMISES_MAX = 64
"""How many ports may wait for their server at once; whoever asks for more has long started the first."""

_promises: deque[int] = deque()
"""Descriptors that keep a port from being given twice while its server has not taken it yet, the oldest first."""


class NoFreePortError(Exception):
    """Every port tried was taken."""


def free_ports(count: int) -> list[int]:
    """Return different ports that nobody listens on, below those the kernel gives to outgoing connections.

    One of the kernel's own choice could be taken by a connection between here and the server's start. Nor does anybody
    else who asks here, in whatever process of this machine, get a port of the last `PROMISES_MAX` of a living one.
    """
    ports: list[int] = []
    for _ in range(TRIES):
        if len(ports) == count:
            return ports
        port = random.randrange(LOWEST, _first_ephemeral())  # noqa: S311  # not a secret
        if (promise := _promise(port)) is None:
            continue
        _keep(promise)
        if _is_free(port):
            ports.append(port)
    raise NoFreePortError(f"no {count} free ports between {LOWEST} and {_first_ephemeral()}")


def is_listening(port: int, *, timeout_s: float = 1.0) -> bool:
    """Tell whether somebody accepts connections on this port of the loopback interface."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def _promise(port: int) -> int | None:
    """Take a name of Linux's abstract sockets, which goes with its process and leaves no file; None where it is taken.

    The port itself could not be kept: its server is another process.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as named:
        try:
            named.bind(f"\0lotwise-port-{port}")
        except OSError:
            return None
        return named.detach()


def _keep(promise: int) -> None:
    _promises.append(promise)
    if len(_promises) > PROMISES_MAX:
        os.close(_promises.popleft())


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _first_ephemeral() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except OSError:
        first = 32_768
    return first if first > LOWEST + TRIES else 65_536
