"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dev.servers.management import Management
from dev.servers.provider import Servers
from shared.database.engine import asyncpg_url

GIB = 1024**3


async def machine(servers: Servers) -> str:
    """One line: processor, cores, memory, system, and the versions of what was used."""
    engine = create_async_engine(asyncpg_url(servers.database_url))
    async with engine.connect() as connection:
        postgres = (await connection.execute(text("SHOW server_version"))).scalar_one().split()[0]
    await engine.dispose()
    with Management(servers.rabbitmq_api_url) as management:
        rabbitmq = management.version()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; Linux {platform.release()};"
        f" Python {platform.python_version()}, PostgreSQL {postgres}, RabbitMQ {rabbitmq}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
