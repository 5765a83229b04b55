"""The broker user that a command asks as: the one of the role where it is named, else the operator's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import DeploymentError
from shared.settings import AmqpUrl, Settings, load


class RequestingSettings(Settings):
    """Where `lotwise size` asks, and as whom."""

    signal_engine_amqp_url: AmqpUrl | None = None
    amqp_url: AmqpUrl | None = None


def requesting_url() -> tuple[str, str]:
    """The AMQP URL of who may ask for sizes, and the variable that it came from. Raises DeploymentError without one."""
    settings = load(RequestingSettings)
    if settings.signal_engine_amqp_url is not None:
        return settings.signal_engine_amqp_url.get_secret_value(), "LOTWISE_SIGNAL_ENGINE_AMQP_URL"
    if settings.amqp_url is not None:
        return settings.amqp_url.get_secret_value(), "LOTWISE_AMQP_URL"
    raise DeploymentError(
        "LOTWISE_SIGNAL_ENGINE_AMQP_URL: is not set, and LOTWISE_AMQP_URL, which would serve, is not either"
    )


@contextmanager
def named_by(variable: str) -> Iterator[None]:
    """Let what the broker refuses be told of `variable`: a client knows its URL, not where that came from."""
    try:
        yield
    except DeploymentError as error:
        raise DeploymentError(str(error).replace("LOTWISE_AMQP_URL", variable)) from None
