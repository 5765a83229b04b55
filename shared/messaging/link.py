"""A connection with one channel, as long as it lives; and what the broker's errors mean to us.

Connections are plain, not aio-pika's robust ones: a robust connection restores its state behind the caller's back,
takes the whole connection down when an exclusive queue is still locked by its own ghost, and backs off without
jitter. Here a lost link ends its session, and `keep_connected` starts a new one.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import aio_pika
import stamina
import structlog
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ChannelInvalidStateError,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from pydantic import Field
from yarl import URL

from shared import metrics
from shared.errors import DependencyError, DeploymentError, UnknownOutcomeError, refused_certificate
from shared.messaging.batch_channel import BatchChannel, open_batch_channel
from shared.messaging.frames import read_frames_in_bulk
from shared.messaging.properties import survive_any_properties
from shared.settings import AmqpUrl, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aio_pika.abc import AbstractChannel, AbstractConnection

log = structlog.get_logger()

survive_any_properties()
read_frames_in_bulk()

# aio-pika's own list holds RuntimeError and StopAsyncIteration too, which would swallow bugs.
BROKER_ERRORS = (
    ChannelInvalidStateError,
    *(error for error in CONNECTION_EXCEPTIONS if error not in (RuntimeError, StopAsyncIteration)),
)
CONNECT_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 5
RECONNECT_FIRST_S = 0.1
RECONNECT_MAX_S = 5.0
STABLE_S = 10
"""A link that lived this long was good: after its loss the back-off starts afresh."""


class BrokerSettings(Settings):
    """How a process reaches the broker. Times in seconds.

    A dead peer is noticed after three times the heartbeat plus three seconds.
    """

    amqp_url: AmqpUrl
    amqp_heartbeat_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    amqp_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5

    @property
    def user(self) -> str:
        """The broker user we connect as."""
        return URL(self.amqp_url.get_secret_value()).user or "guest"

    @property
    def virtual_host(self) -> str:
        """The virtual host we connect to; `/` where the URL names none."""
        return URL(self.amqp_url.get_secret_value()).path.removeprefix("/") or "/"


@dataclass(slots=True)
class Link:
    """A live channel on a connection of its own; `lost` is set when either is gone, or its consumer was cancelled."""

    connection: AbstractConnection
    channel: AbstractChannel
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    cause: str = ""

    def lose(self, cause: object) -> None:
        """Note that the link is gone, and the first cause of it."""
        self.cause = self.cause or f"{cause}"
        self.lost.set()

    async def open_batch_channel(self, *, publisher_confirms: bool) -> BatchChannel:
        """One more channel; when it is closed, or its consumer cancelled by the broker, the link is lost."""
        channel = await open_batch_channel(self.connection, publisher_confirms=publisher_confirms)
        channel.closing.add_done_callback(lambda closed: self.lose(closed.exception() or "the channel was closed"))
        channel.on_consumer_cancel_callbacks.add(lambda _: self.lose("the broker cancelled the consumer"))
        return channel


@asynccontextmanager
async def broker_errors(timeout_s: float | None) -> AsyncIterator[None]:
    """Bound the broker calls inside by `timeout_s` and raise what goes wrong as DependencyError.

    None leaves the bound to the caller. Raises UnknownOutcomeError where the call may have taken effect.
    aio-pika cancels its waiters when a stuck connection dies, so a CancelledError that nobody asked for is a lost
    connection too.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise UnknownOutcomeError(f"the broker did not answer within {timeout_s} s") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise UnknownOutcomeError("the connection to the broker was lost") from None
    except BROKER_ERRORS as error:
        raise UnknownOutcomeError(f"the broker refused or went away: {error}") from error


@asynccontextmanager
async def open_link(settings: BrokerSettings, *, name: str, confirms: bool = False) -> AsyncIterator[Link]:
    """Connect as `name`, open a channel, close both at the end. Raises DependencyError."""
    url = URL(settings.amqp_url.get_secret_value()).update_query(heartbeat=settings.amqp_heartbeat_seconds)
    async with broker_errors(CONNECT_TIMEOUT_S):
        connection = await aio_pika.connect(url, timeout=CONNECT_TIMEOUT_S, client_properties={"connection_name": name})
    try:
        async with broker_errors(settings.amqp_timeout_seconds):
            channel = await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
            underlay = await channel.get_underlay_channel()
        link = Link(connection, channel)
        connection.close_callbacks.add(lambda _, cause: link.lose(cause))
        channel.close_callbacks.add(lambda _, cause: link.lose(cause))
        underlay.on_consumer_cancel_callbacks.add(lambda _: link.lose("the broker cancelled the consumer"))
        yield link
    finally:
        with suppress(DependencyError):
            async with broker_errors(CLOSE_TIMEOUT_S):
                await connection.close()


async def keep_connected(session: Callable[[], Awaitable[None]], *, role: str) -> None:
    """Run `session` until it returns; start it again, with jittered back-off, whenever it raises DependencyError.

    `role` is what the connection serves, as a label of the metrics.
    """
    reconnects = metrics.BROKER_RECONNECTS.labels(role)
    while True:
        async for attempt in stamina.retry_context(
            on=DependencyError, attempts=None, timeout=None, wait_initial=RECONNECT_FIRST_S, wait_max=RECONNECT_MAX_S
        ):
            with attempt:
                started = time.monotonic()
                try:
                    return await session()
                except DependencyError as error:
                    reconnects.inc()
                    log.warning("session.ended", role=role, cause=str(error))
                    if time.monotonic() - started < STABLE_S:
                        raise
                    break


async def refuse_bad_credentials(settings: BrokerSettings) -> None:
    """Connect once. Raises DeploymentError where the broker refuses us, DependencyError where it is away."""
    try:
        async with open_link(settings, name="start"):
            return
    except DependencyError as error:
        if isinstance(error.__cause__, AuthenticationError | ProbableAuthenticationError):
            raise DeploymentError(
                f"LOTWISE_AMQP_URL: the broker refuses user {settings.user!r}; check name, password and virtual host"
            ) from None
        if fault := refused_certificate(error):
            raise DeploymentError(
                f"LOTWISE_AMQP_URL: the broker's certificate is not believed: {fault}; name its authority by cafile"
            ) from None
        if isinstance(error.__cause__, InvalidFrameError):  # what aiormq makes of a refused Connection.Open
            raise DeploymentError(
                f"LOTWISE_AMQP_URL: the broker has no virtual host {settings.virtual_host!r}, or user"
                f" {settings.user!r} may not use it"
            ) from None
        raise
