"""For the EA bridge: what the terminals report."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from shared.client.envelope import instruments_message, snapshot_message
from shared.client.session import broker_settings, open_session
from shared.messaging.publisher import Publisher

if TYPE_CHECKING:
    from types import TracebackType

    from shared.schemas.account import AccountInstruments, AccountSnapshot

CONFIRM_TIMEOUT_S = 10.0


class SnapshotPublisher:
    """Publishes snapshots and instruments, confirmed, any number at once, while entered by `async with`.

    Entering raises DeploymentError where the broker refuses us, DependencyError where it is away.
    """

    def __init__(self, amqp_url: str, *, name: str = "snapshot publisher") -> None:
        """`amqp_url` holds the credentials; `name` is what the broker's operator sees."""
        self._settings = broker_settings(amqp_url)
        self._publisher = Publisher(self._settings, name=name)
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._session = await self._closing.enter_async_context(open_session(self._settings, self._publisher.run))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def publish(self, snapshot: AccountSnapshot, *, timeout_s: float = CONFIRM_TIMEOUT_S) -> None:
        """Publish a snapshot; returns once the broker has it. Safe to repeat: the newest wins.

        Raises NotConfirmedError where the broker has not said so within `timeout_s`.
        """
        await self._session.publish(self._publisher, snapshot_message(snapshot), timeout_s=timeout_s)

    async def publish_instruments(
        self, instruments: AccountInstruments, *, timeout_s: float = CONFIRM_TIMEOUT_S
    ) -> None:
        """Publish what an account's broker says of its symbols; as `publish`."""
        await self._session.publish(self._publisher, instruments_message(instruments), timeout_s=timeout_s)
