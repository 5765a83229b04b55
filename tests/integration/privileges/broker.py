"""Trying something on the broker as a role, and seeing whether it is permitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelAccessRefused, ChannelClosed
from yarl import URL

from dev.stack.workspace import VirtualHost

Act = Callable[[AbstractChannel], Awaitable[Any]]


class RoleConnection:
    """A connection of one role; each attempt has a channel of its own, for a refusal closes it."""

    def __init__(self, connection: AbstractConnection, role: str, user: str) -> None:
        self._connection = connection
        self.role = role
        self.user = user

    async def attempt(self, act: Act) -> None:
        """Do it, and let the broker's answer through."""
        await act(await self._connection.channel(publisher_confirms=True))

    async def declare(self, queue: str) -> None:
        """Make a queue that is there as long as the connection."""
        channel = await self._connection.channel()
        await channel.queue_declare(queue, auto_delete=True)

    async def is_refused(self, act: Act) -> bool:
        """Whether the broker answers 403 ACCESS_REFUSED; any other end means that it was permitted to try."""
        channel = await self._connection.channel(publisher_confirms=True)
        try:
            await act(channel)
        except ChannelAccessRefused:
            return True
        except ChannelClosed:
            return False
        await channel.close()
        return False

    async def permitted(self, acts: dict[str, Act]) -> set[str]:
        """The names of those acts that are not refused."""
        return {name for name, act in acts.items() if not await self.is_refused(act)}


async def connect_role(virtual_host: VirtualHost, role: str, stack: AsyncExitStack) -> RoleConnection:
    """A connection of a role of the topology."""
    url = virtual_host.role_urls[role]
    connection = await aiormq.connect(url)
    stack.push_async_callback(connection.close)
    return RoleConnection(connection, role, URL(url).user or "")


def publish(exchange: str, key: str, **properties: Any) -> Act:
    """Publish an empty message and await what the broker says of it."""

    async def act(channel: AbstractChannel) -> None:
        await channel.basic_publish(
            b"", exchange=exchange, routing_key=key, properties=aiormq.spec.Basic.Properties(**properties)
        )

    return act


def publishes(exchange: str, keys: Iterable[str]) -> dict[str, Act]:
    """A message under each key."""
    return {key: publish(exchange, key) for key in keys}


def consume(queue: str) -> Act:
    """Become a consumer of a queue; the channel's end takes that back."""

    async def act(channel: AbstractChannel) -> None:
        await channel.basic_consume(queue, _nothing)

    return act


async def _nothing(_message: object) -> None:
    """What comes is left unacknowledged, and goes back."""
