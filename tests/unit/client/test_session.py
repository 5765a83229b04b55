"""A client's call and the background work that it depends on; and replies that cannot be read."""

from __future__ import annotations

import asyncio

import pytest

from shared.client.envelope import request_message
from shared.client.session import Session, UnreadableReplyError, broker_settings, read_reply
from shared.errors import UnknownOutcomeError
from shared.messaging.publisher import Outgoing
from shared.messaging.rpc import Requester
from shared.schemas.config import ConfigResult
from tests import builders

RESULT = b'{"command_id": "c-1", "status": "applied", "new_risk_percent": "2.5", "config_version": 7}'


class LosingConnections(Requester):
    """Its connection is lost under the first requests."""

    def __init__(self, *, losses: int) -> None:
        super().__init__(broker_settings("amqp://nobody@127.0.0.1:1"), name="test")
        self._losses = losses
        self.sent: list[Outgoing] = []

    async def request(self, outgoing: Outgoing) -> bytes:
        """The result, once the connection holds."""
        self.sent.append(outgoing)
        if len(self.sent) <= self._losses:
            raise UnknownOutcomeError("the connection was lost")
        return RESULT


async def answer() -> str:
    return "answer"


async def never() -> None:
    await asyncio.Event().wait()


async def break_down() -> None:
    raise ZeroDivisionError


async def test_a_call_returns_what_its_work_returns() -> None:
    background = asyncio.create_task(never())
    assert await Session([background]).call(answer()) == "answer"
    background.cancel()


async def test_a_call_ends_at_once_when_the_background_work_dies() -> None:
    with pytest.raises(ZeroDivisionError):
        await Session([asyncio.create_task(break_down())]).call(never())


async def test_a_cancelled_call_leaves_no_work_behind() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await never()
        finally:
            ended.set()

    background = asyncio.create_task(never())
    calling = asyncio.create_task(Session([background]).call(work()))
    await asyncio.wait([calling], timeout=0.01)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await ended.wait()
    background.cancel()


async def test_what_is_sent_again_is_the_same_message_and_as_old() -> None:
    background = asyncio.create_task(never())
    requester = LosingConnections(losses=2)
    message = request_message(builders.request(user_id="u-17"))
    result = await Session([background]).ask(requester, message, ConfigResult, timeout_s=10)
    background.cancel()
    assert result.config_version == 7
    assert requester.sent == [requester.sent[0]] * 3
    assert requester.sent[0].sent_at is not None


def test_a_reply_is_read_as_its_schema() -> None:
    assert read_reply(RESULT, ConfigResult).config_version == 7


@pytest.mark.parametrize("body", [b"{", b'{"command_id": "c-1", "status": "maybe"}', b'{"of": "another release"}'])
def test_a_reply_of_another_release_is_said_to_be_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableReplyError, match="not a config"):
        read_reply(body, ConfigResult)
