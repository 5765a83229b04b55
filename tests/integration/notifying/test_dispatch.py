"""The dispatcher: never more than the limit, never in the way, and what was held back is told of when there is room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerSecond
from pydantic import SecretStr

from dev.waiting import eventually
from services.config_service.counts import NOTICES
from services.config_service.notifications.dispatch import WAITING_MAX, Dispatcher
from services.config_service.notifications.notices import Notice
from services.config_service.settings import NoticeKind
from shared.notifying import Channels
from tests.integration.notifying.webhook import SECRET, Webhook, webhook

EVERYTHING = frozenset({"change", "schedule", "parked", "condition"})


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


@asynccontextmanager
async def dispatching(
    hook: Webhook, limit: RateLimitItem, *, kinds: frozenset[str] = EVERYTHING
) -> AsyncIterator[Dispatcher]:
    channels = Channels(SecretStr(hook.url))
    dispatcher = Dispatcher(channels, kinds=kinds, limit=limit, summary_check_s=0.1)
    task = asyncio.create_task(dispatcher.run())
    yield dispatcher
    task.cancel()
    await asyncio.wait([task])


def notice(title: str, kind: NoticeKind = "change") -> Notice:
    return Notice(kind, title, "body", "info")


def counted(outcome: str, kind: str = "change") -> float:
    value: float = NOTICES.labels(kind, outcome)._value.get()  # noqa: SLF001 - the client has no other way to read one
    return value


async def test_notices_are_sent_in_the_order_that_they_were_offered(hook: Webhook) -> None:
    async with dispatching(hook, RateLimitItemPerHour(10)) as dispatcher:
        for title in "abc":
            dispatcher.offer(notice(title))

        assert await hook.until(3) == ["Lotwise: a", "Lotwise: b", "Lotwise: c"]


async def test_a_notice_that_was_sent_is_counted_by_its_kind(hook: Webhook) -> None:
    sent = counted("sent", "parked")
    async with dispatching(hook, RateLimitItemPerHour(10)) as dispatcher:
        dispatcher.offer(notice("a", kind="parked"))
        await dispatcher.settled()

    assert counted("sent", "parked") - sent == 1


async def test_no_more_of_a_kind_than_the_limit_are_sent_and_another_kind_is_not_affected(hook: Webhook) -> None:
    held_back = counted("held_back")
    async with dispatching(hook, RateLimitItemPerHour(2)) as dispatcher:
        for title in "abcde":
            dispatcher.offer(notice(title))
        dispatcher.offer(notice("z", kind="parked"))

        assert await hook.until(3) == ["Lotwise: a", "Lotwise: b", "Lotwise: z"]
    assert counted("held_back") - held_back == 3


async def test_what_was_held_back_is_told_of_in_one_message_once_there_is_room(hook: Webhook) -> None:
    async with dispatching(hook, RateLimitItemPerSecond(2)) as dispatcher:
        for title in "abcde":
            dispatcher.offer(notice(title))

        assert (await hook.until(3))[2] == "Lotwise: 3 notices of kind change were held back"


async def test_a_kind_that_is_not_wanted_is_neither_sent_nor_counted(hook: Webhook) -> None:
    held_back = counted("held_back")
    async with dispatching(hook, RateLimitItemPerHour(1), kinds=frozenset({"parked"})) as dispatcher:
        for title in "abc":
            dispatcher.offer(notice(title))
        dispatcher.offer(notice("z", kind="parked"))

        assert await hook.until(1) == ["Lotwise: z"]
    assert counted("held_back") == held_back


async def test_who_offers_never_waits_and_what_waits_is_bounded(hook: Webhook) -> None:
    hook.gate.clear()
    held_back = counted("held_back")
    async with dispatching(hook, RateLimitItemPerHour(1000)) as dispatcher:
        started = time.monotonic()
        for number in range(WAITING_MAX + 5):
            dispatcher.offer(notice(str(number)))
        assert time.monotonic() - started < 0.5

    assert counted("held_back") - held_back == 5


async def test_a_channel_that_fails_is_counted_and_the_next_notice_is_sent(
    hook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.refuses = True
    failed = counted("failed")
    async with dispatching(hook, RateLimitItemPerHour(10)) as dispatcher:
        dispatcher.offer(notice("a"))

        async def it_failed() -> bool:
            return counted("failed") - failed == 1

        await eventually(it_failed)
        hook.refuses = False
        dispatcher.offer(notice("b"))

        assert await hook.until(1) == ["Lotwise: b"]
    logged = capsys.readouterr().out
    assert "1 (json)" in logged
    assert SECRET not in logged
