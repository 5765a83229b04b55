"""For the signal engine: how many lots, and what became of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from shared.client.envelope import outcome_message, request_message
from shared.client.session import broker_settings, open_session, read_reply
from shared.messaging.publisher import Publisher
from shared.messaging.rpc import Requester
from shared.schemas.sizing import SizingDecision

if TYPE_CHECKING:
    from types import TracebackType

    from shared.schemas.sizing import SizingOutcome, SizingRequest

REPLY_TIMEOUT_S = 10.0


class SizingClient:
    """Asks for sizes and reports outcomes, any number at once, while entered by `async with`.

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

        Raises NoReplyError where none came within `timeout_s`, UnknownOutcomeError where the connection was lost
        meanwhile: it may be decided all the same, so send the same request again; a request is decided once, and
        answered the same. Raises DependencyError where the broker is away, UnreadableReplyError.
        """
        body = await self._session.call(self._requester.request(request_message(request), timeout_s=timeout_s))
        return read_reply(body, SizingDecision)

    async def report(self, outcome: SizingOutcome) -> None:
        """Say what became of a setup; returns once the broker has it. Safe to repeat.

        Raises UnknownOutcomeError where the broker's confirmation did not come, DependencyError where it is away.
        """
        await self._session.call(self._publisher.publish(outcome_message(outcome)))
