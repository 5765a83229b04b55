"""What every process reads from its environment, and the one line that says what is wrong with it."""

from __future__ import annotations

import os
from typing import Annotated, TypeVar

from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import DeploymentError

PREFIX = "LOTWISE_"

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def _scheme(*accepted: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(tuple(f"{scheme}://" for scheme in accepted)):
            raise ValueError(f"must be a URL that starts with {accepted[0]}://")
        return url

    return AfterValidator(check)


AmqpUrl = Annotated[SecretStr, _scheme("amqp", "amqps")]
DatabaseUrl = Annotated[SecretStr, _scheme("postgresql")]
HttpUrl = Annotated[SecretStr, _scheme("http", "https")]


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
