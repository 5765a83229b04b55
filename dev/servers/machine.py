"""What figures were measured on, for the pages that show them."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dev.servers.databases import run_statement
from dev.servers.management import Management

if TYPE_CHECKING:
    from dev.servers.provider import Servers

GIB = 1024**3


def measured_on(servers: Servers) -> str:
    """One line without its full stop: the date; processor, cores, memory, system; the versions of what was used."""
    with Management(servers.rabbitmq_api_url) as management:
        rabbitmq = management.version()
    postgres = str(run_statement(servers.database_url, "SHOW server_version")).split()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    kernel = platform.release().partition("-")[0]
    return (
        f"Measured on {datetime.now(UTC).date().isoformat()}:"
        f" {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; Linux {kernel};"
        f" Python {platform.python_version()}, PostgreSQL {postgres}, RabbitMQ {rabbitmq}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
