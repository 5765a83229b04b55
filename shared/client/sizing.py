"""For the signal engine: how many lots, and what became of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from shared.client.envelope import outcome_message, request_message
from shared.client.session import broker_settings, open_session
from shared.messaging.publisher import Publisher
from shared.messaging.rpc import Requester
from shared.schemas.sizing import SizingDecision

if TYPE_CHECKING:
    from types import TracebackType

    from shared.schemas.sizing import SizingOutcome, SizingRequest

REPLY_TIMEOUT_S = 10.0
CONFIRM_TIMEOUT_S = 10.0


class SizingClient:
    """Asks for sizes and reports outcomes, any number of calls at once, while entered by `async with`.

    Entering raises DeploymentError where the broker refuses us, DependencyError where it is away.
    """

    def __init__(self, amqp_url: str, *, name: str = "sizing client") -> None:
        """`amqp_url` holds the credentials; `name` is what the broker's operator sees."""
        self._settings = broker_settings(amqp_url)
        self._requester = Requester(self._settings, name=f"{name} requests")
        self._publisher = Publisher(self._settings, name=f"{name} outcomes")
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._session = await self._closing.enter_async_context(
            open_session(self._settings, self._requester.run, self._publisher.run)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def size(self, request: SizingRequest, *, timeout_s: float = REPLY_TIMEOUT_S) -> SizingDecision:
        """The decision on `request`: approved, rejected or error, with its reasons. A "no" is a value, not an error.

        A request that says nothing else expires when `timeout_s` is over: nobody listens any more, and it must not
        bind margin then. It does so by this host's clock, which must be right. Raises NoReplyError where no reply came
        within `timeout_s`. Asking again with the same request tells whether it was decided in time: its decision, or
        `request_expired`, after which a new attempt is a new request. Place no order on an approval after its
        `reservation_expires_at`, also where it is an earlier one told again. Raises UnreadableReplyError.
        """
        awaited = awaited_until(datetime.now(UTC) + timedelta(seconds=timeout_s), request)
        message = request_message(awaited)
        return await self._session.ask(self._requester, message, SizingDecision, timeout_s=timeout_s)

    async def report(self, outcome: SizingOutcome, *, timeout_s: float = CONFIRM_TIMEOUT_S) -> None:
        """Say what became of a setup; returns once the broker has it. Safe to repeat.

        Raises NotConfirmedError where the broker has not said so within `timeout_s`.
        """
        await self._session.publish(self._publisher, outcome_message(outcome), timeout_s=timeout_s)


def awaited_until(deadline: datetime, request: SizingRequest) -> SizingRequest:
    """`request`, to be refused instead of decided after `deadline`, unless it says itself when it expires.

    It stays the same request: `expires_at` is no part of its content.
    """
    return request if request.expires_at else request.model_copy(update={"expires_at": deadline})
