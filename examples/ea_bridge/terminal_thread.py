"""The thread on which the terminal's calls run: they block, and one that hangs must not keep the bridge from ending."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

AnswerT = TypeVar("AnswerT")


class TerminalThread:
    """Makes one call after the other. A daemon, which a ThreadPoolExecutor's is not: the process ends without it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        Thread(target=self._work, name="terminal", daemon=True).start()

    async def call(self, function: Callable[[], AnswerT]) -> AnswerT:
        """What `function` returns or raises. Cancelled, it leaves a call that has begun to itself."""
        answer: Future[AnswerT] = Future()
        self._calls.put(lambda: _answer(function, answer))
        return await asyncio.wrap_future(answer)

    def _work(self) -> None:
        while True:
            self._calls.get()()


def _answer(function: Callable[[], AnswerT], answer: Future[AnswerT]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(function())
    except BaseException as error:  # noqa: BLE001  # it is the caller's to judge
        answer.set_exception(error)
