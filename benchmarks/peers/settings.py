"""How a peer is started: its queue, how much it takes at a time, and where broker and database are."""

from __future__ import annotations

import os
import sys

PREFETCH = "BENCH_PREFETCH"
POOL_SIZE = 20
"""Connections to the database: on two cores the database gains nothing from more."""


def queue_name() -> str:
    """The queue to serve: the first argument."""
    return sys.argv[1]


def prefetch() -> int:
    """How many messages may be unacknowledged at once."""
    return int(os.environ[PREFETCH])


def amqp_url() -> str:
    """The broker, with the operator's rights."""
    return os.environ["LOTWISE_AMQP_URL"]


def database_url() -> str:
    """The database, with the operator's rights."""
    return os.environ["LOTWISE_DATABASE_URL"]


def say_ready() -> None:
    """Tell whoever started the peer that it consumes."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
