"""The operator declares the topology; a service verifies that what it uses is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from shared.errors import DependencyError, DeploymentError
from shared.messaging.link import BrokerSettings, broker_errors, open_link
from shared.messaging.topology import BINDINGS, EXCHANGES, QUEUES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aio_pika.abc import AbstractChannel

DECLARE_TIMEOUT_S = 30.0


async def declare_topology(settings: BrokerSettings) -> None:
    """Declare every exchange, queue and binding; what stands already is left as it is.

    Raises DeploymentError where something stands under the same name with other arguments or the user may not declare,
    DependencyError where the broker is away.
    """
    async with open_link(settings, name="topology") as link:
        try:
            async with broker_errors(DECLARE_TIMEOUT_S):
                await _declare(link.channel)
        except DependencyError as error:
            if isinstance(error.__cause__, ChannelPreconditionFailed):
                raise DeploymentError(
                    f"the topology stands with other arguments: {error.__cause__}; delete what the text names while"
                    " it is empty, or see `lotwise topology --check`"
                ) from None
            if isinstance(error.__cause__, ChannelAccessRefused):
                raise DeploymentError(
                    f"LOTWISE_AMQP_URL: user {settings.user!r} may not declare the topology: {error.__cause__}"
                ) from None
            raise


async def _declare(channel: AbstractChannel) -> None:
    for exchange in EXCHANGES:
        await channel.declare_exchange(exchange.name, exchange.type, durable=True)
    for queue in QUEUES:
        await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    for binding in BINDINGS:
        bound = await channel.get_queue(binding.queue, ensure=False)
        await bound.bind(binding.exchange, binding.routing_key)


async def count_consumers(settings: BrokerSettings, queue: str) -> int | None:
    """How many consume a queue now; None where it does not stand. Unlike that of messages, this count does not lag.

    Raises DependencyError where the broker is away.
    """
    async with open_link(settings, name="verify") as link:
        try:
            async with broker_errors(settings.amqp_timeout_seconds):
                found = await link.channel.declare_queue(queue, passive=True)
        except DependencyError as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return None
            raise
        return found.declaration_result.consumer_count


async def verify_names(settings: BrokerSettings, *, exchanges: Iterable[str], queues: Iterable[str]) -> None:
    """Make sure that what a service uses exists, by passive declarations.

    Raises DeploymentError that names all that is missing, or what the broker will not tell us of; DependencyError where
    the broker is away.
    """
    wanted = [("exchange", name) for name in exchanges] + [("queue", name) for name in queues]
    missing = [f"{kind} {name}" for kind, name in wanted if not await _stands(settings, kind, name)]
    if missing:
        raise DeploymentError(f"the broker lacks {', '.join(missing)}; run `lotwise topology` as the operator")


async def _stands(settings: BrokerSettings, kind: str, name: str) -> bool:
    # A passive declaration of what is not there closes its channel: a link for each.
    async with open_link(settings, name="verify") as link:
        try:
            async with broker_errors(settings.amqp_timeout_seconds):
                ensure = link.channel.get_exchange if kind == "exchange" else link.channel.get_queue
                await ensure(name, ensure=True)
        except DependencyError as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return False
            if isinstance(error.__cause__, ChannelAccessRefused):
                raise DeploymentError(
                    f"the broker does not let user {settings.user!r} see whether {kind} {name} is there: give it its"
                    " permissions by `lotwise users`; RabbitMQ 4.2.6 and 4.3.0 ask for the right to configure instead,"
                    " which services do not have: use another release"
                ) from None
            raise
    return True
