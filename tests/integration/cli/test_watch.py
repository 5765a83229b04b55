"""`lotwise watch`, as a process: what is published while it listens, on its standard output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from dev.tree import ROOT
from shared.messaging.topology import CONFIG_CHANGED, EVENTS, KEY_ACCOUNT_REFUSED, KEY_WORKER_STATE
from tests.integration.cli.parking import Bench

REFUSED = {
    "user_id": "u-1",
    "account": {"login": 1, "server": "Test-MT5"},
    "captured_at": None,
    "code": "invalid_message",
}
CHANGED = {
    "config_version": 7,
    "fixed_risk_percent": "2.5",
    "entry_splits": {"entry_1_percent": "0.5", "entry_2_percent": "0.35", "entry_3_percent": "0.15"},
    "margin_buffer_percent": "20",
    "updated_at": "2026-11-22T14:00:00Z",
    "updated_by": "owner-1",
    "reason": "NFP",
}
RUNS = {"instance": "sizing_worker.a", "service": "sizing_worker", "config_version": 7, "at": "2026-11-22T14:00:00Z"}
TIMEOUT_S = 30.0


@asynccontextmanager
async def watching(bench: Bench, *arguments: str) -> AsyncIterator[Process]:
    """The command, once it listens."""
    command = (sys.executable, "-m", "shared.cli", "watch", *arguments)
    env = {**os.environ, "LOTWISE_AMQP_URL": bench.place.virtual_host.amqp_url}
    # Who started the tests in the background may have had them ignore Ctrl-C, and their children with them.
    heeds_ctrl_c = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE, preexec_fn=heeds_ctrl_c
    )
    try:
        assert process.stderr is not None
        assert await asyncio.wait_for(process.stderr.readline(), TIMEOUT_S) == b"lotwise: listening\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def tell_everything(bench: Bench) -> None:
    """Publish as the services do, each under its own rights."""
    sync, sizing = await bench.place.sender("sync-consumer"), await bench.place.sender("sizing-worker")
    dial = await bench.place.sender("config-service")
    await sync.send(REFUSED, exchange=EVENTS, key=KEY_ACCOUNT_REFUSED, name="account.refused.v1")
    await dial.send(CHANGED, exchange=CONFIG_CHANGED, key="", name="config.changed.v1")
    await sizing.send(b"{}", exchange=EVENTS, key=KEY_WORKER_STATE, name="worker.state.v1")
    await sizing.send(RUNS, exchange=EVENTS, key=KEY_WORKER_STATE, name="worker.state.v1")


async def test_what_the_services_tell_is_shown_as_it_happens_and_what_cannot_be_read_is_not(bench: Bench) -> None:
    async with watching(bench, "--count", "3") as process:
        await tell_everything(bench)
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)

    assert (process.returncode, err) == (0, b"")
    assert sorted(line.split()[0] for line in out.decode().splitlines()) == ["config", "refusal", "worker"]
    assert b"\x1b" not in out


async def test_programs_read_each_event_while_it_runs_and_ctrl_c_is_a_good_end(bench: Bench) -> None:
    async with watching(bench, "--json", "--kind", "config") as process:
        await tell_everything(bench)
        assert process.stdout is not None
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S))
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)

    assert first == {"event": "config.changed.v1", **CHANGED, "updated_at": "2026-11-22T14:00:00.000Z"}
    assert (process.returncode, out, err) == (0, b"", b"")
