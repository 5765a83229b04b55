"""What every process reads from its environment, and the one line that says what is wrong with it."""

from __future__ import annotations

import os
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import DeploymentError

PREFIX = "LOTWISE_"

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def _url(*schemes: str, needs_host: bool = True) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must be a URL that starts with {schemes[0]}://")
        host, readable = _host(text)
        if not readable or (needs_host and not host):
            raise ValueError(f"must be a URL such as {schemes[0]}://user:password@host:port/name")
        return url

    return AfterValidator(check)


def _host(url: str) -> tuple[str | None, bool]:
    """The host that a URL names, and whether host and port can be read."""
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port is None or parts.port > 0
    except ValueError:  # it repeats the URL, password and all
        return None, False


AmqpUrl = Annotated[SecretStr, _url("amqp", "amqps")]
DatabaseUrl = Annotated[SecretStr, _url("postgresql", needs_host=False)]  # a socket has none
HttpUrl = Annotated[SecretStr, _url("http", "https")]


class Settings(BaseSettings):
    """Settings come from the environment, each under `LOTWISE_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)


def load(settings: type[SettingsT]) -> SettingsT:
    """Read `settings` from the environment.

    Raises DeploymentError that names each variable that is missing or wrong, never its value.
    """
    try:
        return settings()
    except ValidationError as error:
        raise DeploymentError("; ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = PREFIX + "_".join(str(part) for part in detail["loc"]).upper()
        fault = detail["msg"].removeprefix("Value error, ")
        sentences.append(f"{name}: {fault if os.environ.get(name) else 'is not set, and has no default'}")
    return sentences
