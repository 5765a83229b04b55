"""Sending again until there is an answer or the caller's time is over, and what stays the same meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.client.envelope import request_message
from shared.client.persistence import NoReplyError, NotConfirmedError, until_answered
from shared.client.sizing import awaited_until
from shared.errors import DependencyError, UnknownOutcomeError
from shared.sizing.content import content_hash
from tests import builders

DEADLINE = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
REQUEST = builders.request(user_id="u-17")


def failing(*failures: DependencyError) -> Callable[[], Awaitable[str]]:
    """An attempt that fails so, one failure a time, and then is answered."""
    left = list(failures)

    async def attempt() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return attempt


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_an_answer_is_returned() -> None:
    assert await until_answered(failing(), timeout_s=1, late=NoReplyError, what="no reply") == "answer"


async def test_what_was_lost_or_refused_is_sent_again_until_it_is_answered() -> None:
    attempt = failing(UnknownOutcomeError("the connection was lost"), DependencyError("the broker is away"))
    assert await until_answered(attempt, timeout_s=10, late=NoReplyError, what="no reply") == "answer"


async def test_a_bug_is_not_tried_again() -> None:
    async def attempt() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await until_answered(attempt, timeout_s=10, late=NoReplyError, what="no reply")


@pytest.mark.parametrize("late", [NoReplyError, NotConfirmedError])
async def test_at_the_callers_deadline_there_is_one_error(late: type[UnknownOutcomeError]) -> None:
    with pytest.raises(late, match=r"^no reply to 7 within 0\.01 s; it may have taken effect all the same: ask again"):
        await until_answered(never, timeout_s=0.01, late=late, what="no reply to 7")


async def test_that_error_tells_the_last_trouble() -> None:
    trouble = DependencyError("the broker is away")
    with pytest.raises(NoReplyError, match=r"\(the last trouble: the broker is away\)") as raised:
        await until_answered(failing(trouble), timeout_s=0.01, late=NoReplyError, what="no reply")
    assert raised.value.__cause__ is trouble


async def test_a_cancelled_call_sends_nothing_more() -> None:
    calling = asyncio.create_task(until_answered(never, timeout_s=10, late=NoReplyError, what="no reply"))
    await asyncio.wait([calling], timeout=0.01)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


def test_a_request_expires_when_nobody_waits_for_it_any_more() -> None:
    assert awaited_until(DEADLINE, REQUEST).expires_at == DEADLINE


def test_a_request_that_says_itself_when_it_expires_is_sent_as_it_is() -> None:
    later = DEADLINE + timedelta(hours=1)
    request = builders.request(user_id="u-17", expires_at=later.isoformat())
    assert awaited_until(DEADLINE, request) is request


def test_a_request_stays_the_same_whenever_it_expires() -> None:
    awaited, longer = (awaited_until(DEADLINE + timedelta(seconds=seconds), REQUEST) for seconds in (0, 10))
    assert content_hash(awaited) == content_hash(longer) == content_hash(REQUEST)
    assert request_message(awaited).message_id == request_message(longer).message_id
