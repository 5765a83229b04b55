"""For the owner: the one risk dial, by message."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from pydantic import SecretStr

from shared.client.envelope import command_message
from shared.client.session import broker_settings, open_session
from shared.messaging.rpc import Requester
from shared.schemas.config import ConfigResult, SetRiskPercent

if TYPE_CHECKING:
    from decimal import Decimal
    from types import TracebackType

    from shared.schemas.config import AnyCommand

REPLY_TIMEOUT_S = 10.0


class ConfigClient:
    """Sends the owner's commands and awaits their results, while entered by `async with`.

    Entering raises DeploymentError where the broker refuses us, DependencyError where it is away.
    """

    def __init__(self, amqp_url: str, *, token: str, name: str = "config client") -> None:
        """`amqp_url` holds the credentials, `token` is the owner's JWT; `name` is what the broker's operator sees."""
        self._settings = broker_settings(amqp_url)
        self._token = SecretStr(token)
        self._requester = Requester(self._settings, name=name)
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._session = await self._closing.enter_async_context(open_session(self._settings, self._requester.run))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def set_risk_percent(
        self,
        risk_percent: Decimal,
        *,
        reason: str | None = None,
        expected_version: int | None = None,
        timeout_s: float = REPLY_TIMEOUT_S,
    ) -> ConfigResult:
        """Turn the dial (3 = 3 %); as `send`, under a new command id. `expected_version` guards against others' turns.

        Once this has returned an `applied` result, no request sent afterwards is decided under the old value.
        """
        command = SetRiskPercent(
            command_id=str(uuid4()),
            command="set_risk_percent",
            new_risk_percent=risk_percent,
            reason=reason,
            expected_version=expected_version,
        )
        return await self.send(command, timeout_s=timeout_s)

    async def send(self, command: AnyCommand, *, timeout_s: float = REPLY_TIMEOUT_S) -> ConfigResult:
        """The result of `command`: applied, or rejected with its reasons. A "no" is a value, not an error.

        However often it is sent again within this call it keeps the time of the call, so that one that comes too late
        is `expired` and cannot override a newer one; where an earlier copy was applied, its result comes. To mean it
        once more, `send` it once more: under the same `command_id` it is applied once.

        Raises NoReplyError where no reply came within `timeout_s`, UnreadableReplyError.
        """
        message = command_message(command, token=self._token.get_secret_value())
        return await self._session.ask(self._requester, message, ConfigResult, timeout_s=timeout_s)
