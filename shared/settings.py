"""What every process reads from its environment, and the one line that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import DeploymentError
from shared.production import production_faults
from shared.secret_files import FileFault, SecretFiles

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "LOTWISE_"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

SettingsT = TypeVar("SettingsT", bound="Settings")


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


def _one_way_to_name_tls(url: SecretStr) -> SecretStr:
    """Refuse what would quietly win over `sslmode`, or be taken for another mode."""
    query = parse_qsl(urlsplit(url.get_secret_value()).query)
    if {"ssl", "dsn", "direct_tls"} & {name for name, _ in query}:
        raise ValueError("says how to encrypt by sslmode, sslrootcert, sslcert and sslkey, not otherwise")
    modes = [value for name, value in query if name == "sslmode"]
    if len(modes) > 1 or not set(modes) <= set(SSL_MODES):
        raise ValueError(f"sslmode must be one of {', '.join(SSL_MODES)}")
    return url


def _files(*parameters: str) -> AfterValidator:
    """Refuse a URL whose `parameters` name files that are not there: no driver would say so, and all would wait."""

    def check(url: SecretStr) -> SecretStr:
        for name, value in parse_qsl(urlsplit(url.get_secret_value()).query):
            if name in parameters and not Path(value).is_file():
                raise ValueError(f"{name} names no file that can be seen: {value}")
        return url

    return AfterValidator(check)


AmqpUrl = Annotated[SecretStr, _url("amqp", "amqps"), _files("cafile", "certfile", "keyfile")]
DatabaseUrl = Annotated[
    SecretStr,
    _url("postgresql", needs_host=False),  # a socket has none
    AfterValidator(_one_way_to_name_tls),
    _files("sslrootcert", "sslcert", "sslkey"),
]
HttpUrl = Annotated[SecretStr, _url("http", "https")]


class Settings(BaseSettings):
    """Settings come from the environment, each under `LOTWISE_` and its name in capitals.

    A secret may come from a file instead, whose name is then under the same variable with `_FILE`. `environment`:
    `production` refuses what only serves on a developer's machine.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    environment: Literal["development", "production"] = "development"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic-settings names them all
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read `…_FILE` too; before the variable itself, to notice where both are set."""
        return init_settings, SecretFiles(settings_cls), env_settings

    @field_validator("*", mode="before")
    @classmethod
    def _file_was_read(cls, value: Any) -> Any:
        if isinstance(value, FileFault):
            raise ValueError(value.sentence)
        return value


def load(settings: type[SettingsT]) -> SettingsT:
    """Read `settings` from the environment.

    Raises DeploymentError that names each variable that is missing or wrong, or that must not be so in production;
    never its value.
    """
    try:
        loaded = settings()
    except ValidationError as error:
        raise DeploymentError("; ".join(_sentences(error))) from None
    if loaded.environment == "production" and (faults := production_faults(_secrets(loaded))):
        raise DeploymentError("; ".join(f"{name}: {fault}" for name, fault in faults))
    return loaded


def _secrets(settings: Settings) -> dict[str, str]:
    """What must not be told, by the variable that it came from."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        PREFIX + name.upper(): value.get_secret_value()
        for name, value in values.items()
        if isinstance(value, SecretStr)
    }


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = PREFIX + "_".join(str(part) for part in detail["loc"]).upper()
        missing = detail["type"] == "missing"
        fault = "is not set, and has no default" if missing else detail["msg"].removeprefix("Value error, ")
        # A rule over several variables names them itself.
        sentences.append(f"{name}: {fault}" if detail["loc"] else fault)
    return sentences
