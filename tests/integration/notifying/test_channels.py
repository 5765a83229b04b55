"""Messages to people, through apprise, to a real webhook; and `lotwise notify test`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from shared.cli.__main__ import app
from shared.errors import DeploymentError
from shared.notifying import Channels
from tests.integration.notifying.webhook import SECRET, Webhook, webhook


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


async def notify_test(urls: str | None, *, file: Path | None = None) -> Result:
    env = {"LOTWISE_NOTIFY_URLS": urls, "LOTWISE_NOTIFY_URLS_FILE": str(file) if file else None}
    return await asyncio.to_thread(CliRunner().invoke, app, ["notify", "test"], env=env)


async def test_a_message_arrives_as_it_was_written(hook: Webhook) -> None:
    failed = await Channels(SecretStr(hook.url)).send("Risk 3 % → 2.5 %", "because of <NFP> & more", "warning")

    (message,) = hook.messages
    assert failed == []
    assert (message["title"], message["message"], message["type"]) == (
        *("Risk 3 % → 2.5 %", "because of <NFP> & more", "warning"),
    )


async def test_every_channel_is_told_and_those_that_did_not_take_it_are_named(hook: Webhook) -> None:
    async with webhook() as broken:
        broken.refuses = True
        channels = Channels(SecretStr(f"{broken.url}\n{hook.url}  json://127.0.0.1:9/"))

        failed = await channels.send("title", "body", "info")

    assert (channels.names, failed) == (["1 (json)", "2 (json)", "3 (json)"], ["1 (json)", "3 (json)"])
    assert hook.titles == ["title"]


async def test_a_channel_that_says_nothing_is_given_up(hook: Webhook) -> None:
    hook.gate.clear()
    started = time.monotonic()

    failed = await Channels(SecretStr(hook.url)).send("title", "body", "info")

    assert failed == ["1 (json)"]
    assert time.monotonic() - started < 5


async def test_what_apprise_logs_tells_no_secret(hook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    hook.refuses = True
    channels = Channels(SecretStr(hook.url))

    with caplog.at_level(logging.DEBUG):
        await channels.send("title", "body", "info")

    assert SECRET not in caplog.text


def test_a_url_that_no_channel_knows_is_named_by_its_place_alone() -> None:
    with pytest.raises(DeploymentError) as refused:
        Channels(SecretStr(f"json://127.0.0.1/ nonsense://{SECRET}"))

    assert str(refused.value) == "LOTWISE_NOTIFY_URLS: number 2 is no URL that apprise can use"


async def test_the_command_says_which_channels_took_it(hook: Webhook, tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text(f"{hook.url}\njson://127.0.0.1:9/\n")

    result = await notify_test(None, file=file)

    assert (result.exit_code, result.stdout) == (1, "channel 1 (json): taken\n")
    assert result.stderr.startswith("lotwise: channel 2 (json) did not take it: check its URL")
    assert hook.titles == ["Lotwise: a test"]


async def test_the_command_succeeds_where_all_took_it(hook: Webhook) -> None:
    result = await notify_test(hook.url)

    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("urls", ["   ", "robot@example.org", "json://127.0.0.1/ and more"])
async def test_what_is_no_list_of_urls_is_refused_without_its_value(urls: str) -> None:
    result = await notify_test(urls)

    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith("lotwise: LOTWISE_NOTIFY_URLS: must be URLs of apprise, separated by white space")
    assert "robot" not in result.stderr
