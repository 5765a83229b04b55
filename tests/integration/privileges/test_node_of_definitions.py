"""A node that starts with the file of `lotwise definitions`, and nothing else, is all that the services need."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from dev.servers.broker import Broker
from dev.servers.provider import Servers
from dev.stack.processes import ROLE_OF, ServiceProcess
from dev.stack.workspace import Workspace
from tests.integration.privileges.test_definitions import PASSWORD, PASSWORDS, written

JWT_SECRET = "a secret of the tests alone, 32 characters and more"


def with_credentials(url: str, user: str, path: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(PASSWORD)}@{place}", path=f"/{path}"))


async def test_a_node_that_starts_with_the_file_serves_every_service(
    provided_servers: Servers, session_workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "made.json"
    written(file, **PASSWORDS)
    broker = Broker(provided_servers.ledger, name=f"broker-{secrets.token_hex(4)}", definitions=[file])
    await asyncio.to_thread(broker.start)
    processes = [
        ServiceProcess(
            service,
            name=service,
            ledger=provided_servers.ledger,
            settings={
                "LOTWISE_AMQP_URL": with_credentials(broker.amqp_url, role, "lotwise"),
                "LOTWISE_DATABASE_URL": session_workspace.service_url(service),
                "LOTWISE_JWT_SECRET": JWT_SECRET,
            },
            logs=tmp_path,
        )
        for service, role in ROLE_OF.items()
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            await asyncio.to_thread(process.wait_ready)
    finally:
        for process in processes:
            await asyncio.to_thread(process.terminate)
        await asyncio.to_thread(broker.discard)
