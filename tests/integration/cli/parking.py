"""The operator at parked messages, in a vhost and a database of the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from typer.testing import CliRunner, Result

from dev.tree import ROOT
from shared.cli.__main__ import app
from shared.messaging.topology import DEAD, SIZING
from tests.integration.messaging.place import Place


class Bench:
    """`lotwise dead` as the operator runs it, and messages that lie parked."""

    def __init__(self, place: Place, database_url: str) -> None:
        self.place = place
        self.settings = {"LOTWISE_AMQP_URL": place.virtual_host.amqp_url, "LOTWISE_DATABASE_URL": database_url}

    async def dead(self, *arguments: str, **settings: str) -> Result:
        """Run the command to its end, in a thread: it runs an event loop of its own."""
        env = {**self.settings, **settings}
        return await asyncio.to_thread(CliRunner().invoke, app, ["dead", *arguments], env=env)

    async def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """What `list --json` says."""
        result = await self.dead("list", "--json", *arguments)
        assert result.exit_code == 0, result.output
        found: list[dict[str, Any]] = json.loads(result.stdout)
        return found

    async def process(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start the command as a process, to be killed."""
        command = (sys.executable, "-m", "shared.cli", "dead", *arguments)
        env = {**os.environ, **self.settings}
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=-3, stderr=-3)

    async def park(
        self, body: bytes | dict[str, Any], *, queue: str = SIZING, role: str = "sizing-worker", **properties: Any
    ) -> str:
        """Park a message as a service does; its id."""
        headers = {"x-lotwise-reason": "internal_error", "x-lotwise-detail": "failed 4 times"}
        headers |= properties.pop("headers", {})
        worker = await self.place.sender(role)
        return await worker.send(body, exchange=DEAD, key=queue, headers=headers, **properties)
