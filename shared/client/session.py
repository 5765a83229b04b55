"""A client's background work, supervised; its calls, each sent until it is answered; and the reading of replies."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, SecretStr

from shared.client.persistence import NoReplyError, NotConfirmedError, until_answered
from shared.errors import LotwiseError
from shared.messaging.link import BrokerSettings, refuse_bad_credentials
from shared.schemas.decoding import InvalidMessage, decode, schema_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from shared.messaging.publisher import Outgoing, Publisher
    from shared.messaging.rpc import Requester

ResultT = TypeVar("ResultT")
ReplyT = TypeVar("ReplyT", bound=BaseModel)


class UnreadableReplyError(LotwiseError):
    """The reply is not what this client's release knows: client and service are of different releases."""


def broker_settings(amqp_url: str) -> BrokerSettings:
    """Settings for `amqp_url`; heartbeat and timeouts from the environment, as everywhere."""
    return BrokerSettings(amqp_url=SecretStr(amqp_url))


def read_reply(body: bytes, schema: type[ReplyT]) -> ReplyT:
    """The reply's `body` as `schema`. Raises UnreadableReplyError."""
    name = schema_name(schema)
    reply = decode(name, body, frozenset({name}))
    if isinstance(reply, schema):
        return reply
    faults = reply.errors if isinstance(reply, InvalidMessage) else ()
    raise UnreadableReplyError(f"not a {name}: {'; '.join(f'{fault.field}: {fault.message}' for fault in faults)}")


def sent_now(outgoing: Outgoing) -> Outgoing:
    """The message with its time of sending fixed, which stays the same however often it is sent again.

    The age of a command is judged by it: one that is sent again must not look younger than the owner's will.
    """
    return replace(outgoing, sent_at=datetime.now(UTC))


class Session:
    """Connections that are kept up in the background while the client's calls run."""

    def __init__(self, tasks: list[asyncio.Task[None]]) -> None:
        self._tasks = tasks

    async def ask(self, requester: Requester, request: Outgoing, schema: type[ReplyT], *, timeout_s: float) -> ReplyT:
        """The reply to `request`, which is sent until there is one.

        Raises NoReplyError after `timeout_s`, UnreadableReplyError.
        """
        message = sent_now(request)
        what = f"no reply to {message.type} {message.message_id}"
        asking = until_answered(lambda: requester.request(message), timeout_s=timeout_s, late=NoReplyError, what=what)
        return read_reply(await self.call(asking), schema)

    async def publish(self, publisher: Publisher, outgoing: Outgoing, *, timeout_s: float) -> None:
        """Publish, until the broker confirms it. Raises NotConfirmedError after `timeout_s`."""
        message = sent_now(outgoing)
        what = f"{message.type} {message.message_id} was not confirmed"
        await self.call(
            until_answered(lambda: publisher.publish(message), timeout_s=timeout_s, late=NotConfirmedError, what=what)
        )

    async def call(self, work: Coroutine[None, None, ResultT]) -> ResultT:
        """Do `work`, unless the background work dies: then its error is raised at once, not the call's deadline later.

        Cancelled, it leaves `work` cancelled too.
        """
        calling = asyncio.ensure_future(work)
        try:
            await asyncio.wait([calling, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            if calling.done():
                return calling.result()
        finally:
            calling.cancel()
        for task in self._tasks:
            if task.done():
                task.result()
        raise RuntimeError("the client's background work ended by itself")


@asynccontextmanager
async def open_session(
    settings: BrokerSettings, *runs: Callable[[], Coroutine[None, None, None]]
) -> AsyncIterator[Session]:
    """Keep `runs` running for the length of the block; at its end all are over, their connections closed.

    Raises DeploymentError where the broker refuses us, DependencyError where it is away at the start; at the end what
    ended a run before its time.
    """
    await refuse_bad_credentials(settings)
    tasks = [asyncio.create_task(run(), name=run.__qualname__) for run in runs]
    try:
        yield Session(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
