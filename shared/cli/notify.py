"""`lotwise notify`: whether messages to people arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from shared.cli.account import login
from shared.cli.terminal import EXIT_DIFFERENT, clear_failures, complain, say
from shared.errors import DeploymentError
from shared.notifying import Channels, NotifySettings
from shared.settings import load

if TYPE_CHECKING:
    from pydantic import SecretStr

notify = typer.Typer(help="Messages to people: whether they arrive.", no_args_is_help=True)


@notify.callback()
def _group() -> None:
    """Messages to people: whether they arrive."""


@notify.command("test", epilog="Example: `lotwise notify test`")
def test_channels() -> None:
    """Send a test message to every channel of LOTWISE_NOTIFY_URLS, as config_service sends its own.

    Exit status 1: not every channel took it; those that did not are named by their place in the setting.
    """
    with clear_failures():
        channels = Channels(_urls())
        failed = asyncio.run(channels.send("Lotwise: a test", f"Sent by {login()}: this channel works.", "info"))
    for name in channels.names:
        if name not in failed:
            say(f"channel {name}: taken")
    for name in failed:
        complain(f"lotwise: channel {name} did not take it: check its URL, and whether its service can be reached")
    if failed:
        raise typer.Exit(EXIT_DIFFERENT)


def _urls() -> SecretStr:
    urls = load(NotifySettings).notify_urls
    if urls is None:
        raise DeploymentError("LOTWISE_NOTIFY_URLS: is not set; name a channel, such as tgram://TOKEN/CHAT")
    return urls
