"""Messages to people, over whatever channels the operator names: Telegram, Slack, e-mail, a webhook.

apprise knows the channels. It costs about 40 MB of memory and is loaded only where a channel is named.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, SecretStr

from shared.errors import DeploymentError
from shared.settings import Settings

if TYPE_CHECKING:
    from apprise import Apprise

SEND_TIMEOUT_S = 15.0
"""The longest that one message waits for its channels; each of their sockets gives up after four seconds."""
TALKATIVE_LOGGERS = ("apprise", "urllib3", "requests")
"""Their lines hold URLs, which hold secrets; what became of a message is told by who sent it."""

Severity = Literal["info", "success", "warning", "failure"]


def _some(urls: SecretStr) -> SecretStr:
    parts = urls.get_secret_value().split()
    if not parts or not all("://" in part for part in parts):
        raise ValueError("must be URLs of apprise, separated by white space, such as tgram://TOKEN/CHAT")
    return urls


class NotifySettings(Settings):
    """Where messages to people go: URLs of apprise, separated by white space or new lines; secrets, all of them."""

    notify_urls: Annotated[SecretStr, AfterValidator(_some)] | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """One of the operator's; `name` is its place in the setting and its kind, the one thing of it that is ever told."""

    name: str
    outlet: Apprise


class Channels:
    """The operator's channels, each told of every message."""

    def __init__(self, urls: SecretStr) -> None:
        """Raises DeploymentError that names each URL that apprise cannot use by its place, never the URL."""
        for name in TALKATIVE_LOGGERS:  # before a URL is read: apprise logs a wrong token as it stands
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its plugins import what Python is about to drop
            self._channels = [_channel(number, url) for number, url in enumerate(_split(urls), start=1)]

    @property
    def names(self) -> list[str]:
        """The name of each."""
        return [channel.name for channel in self._channels]

    async def send(self, title: str, body: str, severity: Severity) -> list[str]:
        """Send to all at once, within `SEND_TIMEOUT_S`; returns the names of those that did not take it."""
        took = await asyncio.gather(*(_send(channel, title, body, severity) for channel in self._channels))
        return [channel.name for channel, taken in zip(self._channels, took, strict=True) if not taken]


def _split(urls: SecretStr) -> list[str]:
    return urls.get_secret_value().split()


def _channel(number: int, url: str) -> Channel:
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - see above

    asset = AppriseAsset(app_id="Lotwise", app_desc="Lotwise", app_url="", allow_templates=False, secure_logging=True)
    outlet = Apprise(asset=asset)
    if not outlet.add(url):
        raise DeploymentError(f"LOTWISE_NOTIFY_URLS: number {number} is no URL that apprise can use")
    return Channel(f"{number} ({url.partition('://')[0]})", outlet)


async def _send(channel: Channel, title: str, body: str, severity: Severity) -> bool:
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

    result = await channel.outlet.async_notify(
        body=body,
        title=title,
        notify_type=NotifyType(severity),
        body_format=NotifyFormat.TEXT,  # what people wrote is escaped where a channel reads HTML
        timeout=SEND_TIMEOUT_S,
    )
    return bool(result)
