"""`lotwise size` where nobody answers."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from typer.testing import CliRunner

from shared.cli.__main__ import app
from tests.integration.cli.parking import Bench


async def test_no_reply_in_time_is_one_line_that_says_how_to_ask_again(bench: Bench) -> None:
    request_id = str(uuid4())
    asking = ["size", "XAUUSD", "buy", "--user", "u-1", "--entry", "1950/1945", "--request-id", request_id]
    env = {"LOTWISE_SIGNAL_ENGINE_AMQP_URL": bench.place.url("signal-engine")}

    result = await asyncio.to_thread(CliRunner().invoke, app, [*asking, "--timeout", "0.5"], env=env)

    assert (result.exit_code, result.stdout) == (69, "")
    assert f"no reply to sizing.request.v1 {request_id} within 0.5 s" in result.stderr
    assert "ask again with the same id" in result.stderr
