"""Sending the same message again until it is answered, or the caller's time is over.

Whatever is sent again has one effect: the receiver knows a request by its `request_id`, a command by its `command_id`,
and of an account's snapshots takes the newest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from shared.errors import DependencyError, UnknownOutcomeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AnswerT = TypeVar("AnswerT")

PAUSE_S = 0.2
"""Between two attempts over one connection. Where it was lost, the next attempt waits until there is another."""


class NoReplyError(UnknownOutcomeError):
    """No reply came within the caller's time; the request may have been processed, or still be."""


class NotConfirmedError(UnknownOutcomeError):
    """The broker did not confirm a message within the caller's time; it may have it all the same."""


async def until_answered(
    send: Callable[[], Awaitable[AnswerT]], *, timeout_s: float, late: type[UnknownOutcomeError], what: str
) -> AnswerT:
    """What `send` returns, called again whenever the broker failed it.

    Raises `late` after `timeout_s`. It begins with `what`, and names the last trouble.
    """
    trouble: DependencyError | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await send()
                except DependencyError as error:
                    trouble = error
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        last = f" (the last trouble: {trouble})" if trouble else ""
        again = "it may have taken effect all the same: ask again with the same id"
        raise late(f"{what} within {timeout_s:g} s{last}; {again}") from trouble
