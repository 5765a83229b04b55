"""Secrets from files: `LOTWISE_X_FILE` names the file that holds the value of `LOTWISE_X`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr
from pydantic_settings import PydanticBaseSettingsSource

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

SUFFIX = "_FILE"
SECRET_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class FileFault:
    """Stands where a value should: why the file did not give one."""

    sentence: str


class SecretFiles(PydanticBaseSettingsSource):
    """The values of all fields that are a SecretStr and whose `…_FILE` is set."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the field's file, a FileFault, or None where no file is named."""
        name = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        file = os.environ.get(name + SUFFIX)
        if not file or not _is_secret(field.annotation):
            return None, field_name, False
        if os.environ.get(name):
            return FileFault(f"{name}{SUFFIX} is set as well; set one of them"), field_name, False
        return _content(name + SUFFIX, Path(file)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that files give, or fail to."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


def _content(variable: str, file: Path) -> str | FileFault:
    """What `file` holds, without the end of its line."""
    try:
        with file.open("rb") as opened:
            content = opened.read(SECRET_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        return FileFault(f"{variable}: {file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return FileFault(f"{variable}: {file} is not text")
    if len(content) > SECRET_BYTES_MAX:
        return FileFault(f"{variable}: {file} has more than {SECRET_BYTES_MAX} bytes")
    text = text.removesuffix("\n").removesuffix("\r")
    return text or FileFault(f"{variable}: {file} is empty")
