"""What a bridge is told: by a TOML file, and by the environment, which goes before it."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.client import DeploymentError
from shared.schemas.values import Identifier, NonNegativeDecimal

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "LOTWISE_EA_BRIDGE_"
DEFAULT = "default"


class BridgeSettings(BaseSettings):
    """One terminal, one account, one user. Times in seconds; every name may come as `LOTWISE_EA_BRIDGE_NAME` too.

    `login`, `password`, `server`: what the terminal is logged in with; without them, whoever it is logged in as.
    `login` and `server` are also checked, each where it is given: another account's figures are never published.
    `terminal_retry_s`: between two attempts to reach a terminal that does not answer. `instruments` are the business's
    names, and `suffix` what this broker appends to them; `symbols` names those called otherwise, by instrument.
    `commission_per_lot`: the round turn in account currency, by instrument, and under `default` for the others.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    user_id: Identifier
    amqp_url: SecretStr | None = None
    login: Annotated[int, Field(ge=1)] | None = None
    password: SecretStr | None = None
    server: Identifier | None = None
    terminal_path: str | None = None
    instruments: tuple[Identifier, ...] = ()
    suffix: str = ""
    symbols: dict[Identifier, Identifier] = Field(default_factory=dict)
    commission_per_lot: dict[Identifier, NonNegativeDecimal] = Field(default_factory=dict)
    snapshot_every_s: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    terminal_retry_s: Annotated[float, Field(ge=0.05, le=60)] = 5.0
    instruments_every_s: Annotated[float, Field(ge=0.05)] = 60.0
    instruments_all_every_s: Annotated[float, Field(ge=1, le=43_200)] = 3600.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic-settings names them all
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then what `load` has read from the file."""
        del settings_cls
        return env_settings, init_settings

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.wanted:
            raise ValueError("name at least one instrument, in `instruments` or in `symbols`")
        if unknown := set(self.commission_per_lot) - {*self.wanted, DEFAULT}:
            raise ValueError(f"commission_per_lot names what is not published: {', '.join(sorted(unknown))}")
        if self.password and not (self.login and self.server):
            raise ValueError("a password needs login and server beside it")
        return self

    @property
    def wanted(self) -> dict[str, str]:
        """The broker's symbol of each instrument that is published."""
        return {name: f"{name}{self.suffix}" for name in self.instruments} | self.symbols

    def commission_of(self, instrument: str) -> Decimal:
        """The round turn of one lot."""
        return self.commission_per_lot.get(instrument, self.commission_per_lot.get(DEFAULT, Decimal(0)))

    def credentials(self) -> dict[str, Any]:
        """What the terminal logs in with; empty where it is logged in already."""
        password = self.password.get_secret_value() if self.password else None
        return {"login": self.login, "password": password, "server": self.server} if password else {}


def load(file: Path) -> BridgeSettings:
    """Read `file` and the environment. Raises DeploymentError, which names each setting that is missing or wrong."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        return BridgeSettings(**document)
    except OSError as error:
        raise DeploymentError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{file}: {error}") from None
    except ValidationError as error:
        raise DeploymentError("; ".join(f"{file}: {fault}" for fault in _faults(error))) from None


def _faults(error: ValidationError) -> list[str]:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    found = []
    for detail in details:
        name = ".".join(str(part) for part in detail["loc"])
        fault = detail["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {fault}" if name else fault)
    return found
