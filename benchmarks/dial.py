"""The dial over HTTP on an idle stack: one caller, one connection, one call after another."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from benchmarks.latency import Compared, by_turns
from dev.runs.ledger import Ledger
from dev.runs.program import Program
from dev.servers.ports import LOOPBACK, free_ports
from dev.stack.processes import logs_folder
from dev.stack.stack import OWNER, Stack

CONFIG_PATH = "/api/v1/risk/config"
GET_CALLS, POST_CALLS = 400, 100
GET_TARGET_S, POST_TARGET_S = 0.010, 0.050
"""What the API promises on an idle stack, at the 95th percentile."""
PEER_TIMEOUT_S = 10.0


async def measure_dial(stack: Stack, *, scale: float, say: Callable[[str], None]) -> list[Compared]:
    """GET and POST of the configuration; `scale` shortens it."""
    with _bare_http(stack.workspace.servers.ledger) as peer_url:
        async with (
            owners_client(stack) as ours,
            httpx.AsyncClient(base_url=peer_url, trust_env=False) as peer,
        ):
            say("GET of the configuration")
            reading = await by_turns(
                lambda: get_config(ours), lambda: _get(peer, "/config"), calls=int(GET_CALLS * scale)
            )
            say("POST of a change")
            numbers = itertools.count()
            changing = await by_turns(
                lambda: post_risk(ours, next(numbers)),
                lambda: _post(peer, "/config", next(numbers)),
                calls=int(POST_CALLS * scale),
            )
    return [
        Compared("GET /api/v1/risk/config", *reading, target_s=GET_TARGET_S),
        Compared("POST /api/v1/risk/config", *changing, target_s=POST_TARGET_S),
    ]


def owners_client(stack: Stack) -> httpx.AsyncClient:
    """The owner, who calls the stack's one config service."""
    headers = {"Authorization": f"Bearer {stack.tokens.token(OWNER, 'owner')}"}
    (config_service,) = stack.of("config_service")
    return httpx.AsyncClient(base_url=config_service.http_url, headers=headers, trust_env=False)


async def get_config(client: httpx.AsyncClient) -> None:
    """Read the configuration."""
    await _get(client, CONFIG_PATH)


async def post_risk(client: httpx.AsyncClient, number: int) -> None:
    """Turn the dial to one of forty values, the one of this number."""
    await _post(client, CONFIG_PATH, number)


async def _get(client: httpx.AsyncClient, path: str) -> None:
    (await client.get(path)).raise_for_status()


async def _post(client: httpx.AsyncClient, path: str, number: int) -> None:
    body = {"new_risk_percent": f"{1 + number % 40 / 10:.1f}", "reason": "measured"}
    (await client.post(path, json=body)).raise_for_status()


@contextmanager
def _bare_http(ledger: Ledger) -> Iterator[str]:
    (port,) = free_ports(1)
    url = f"http://{LOOPBACK}:{port}"
    program = Program(
        "bare-http",
        [sys.executable, "-m", "benchmarks.peers.bare_http", str(port)],
        environment=os.environ,
        log=logs_folder() / "bare-http.log",
        ledger=ledger,
        grace_s=PEER_TIMEOUT_S,
    )
    program.start()
    try:
        program.wait_ready(lambda: _answers(f"{url}/config"), timeout_s=PEER_TIMEOUT_S)
        yield url
    finally:
        program.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
