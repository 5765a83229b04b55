"""What JSON Schema can say of the value types of the wire: how each is read, and how it is written.

The patterns use nothing that the regular expressions of any language would lack: no lookaround, no classes such as
`\\d`, which is more than ten digits in some. They cannot count the digits of a decimal, nor judge a date such as the
30th of February; `shared.schemas.values` does.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

DECIMAL_TEXT_MAX = 100

_UNSIGNED = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_ABOVE_ZERO = r"([0-9]*[1-9][0-9]*(\.[0-9]*)?|[0-9]*\.[0-9]*[1-9][0-9]*)"
_ZERO = r"(0+(\.0*)?|\.0+)"
_EXPONENT = r"([eE][+-]?[0-9]{1,6})?"
_PLAIN = r"[0-9]+(\.[0-9]+)?"
_PLAIN_ABOVE_ZERO = r"([0-9]*[1-9][0-9]*(\.[0-9]+)?|[0-9]+\.[0-9]*[1-9][0-9]*)"
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_CLOCK_IN_UTC = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}([0-9]{3})?Z"
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True, eq=False)  # hashed by identity: the members of a union must have a hash
class JsonForm:
    """An annotation of a type: its JSON Schema where a message is `read`, and where it is `written`."""

    read: JsonSchemaValue
    written: JsonSchemaValue

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What pydantic puts where a field has this type."""
        return deepcopy(self.read if handler.mode == "validation" else self.written)


def _text(pattern: str, **more: Any) -> JsonSchemaValue:
    return {"type": "string", "pattern": f"^{pattern}$", **more}


def _decimal(text: str, plain: str, **bounds: int) -> JsonForm:
    """Read as a string or a number; written as a string in plain notation."""
    read = [_text(text + _EXPONENT, maxLength=DECIMAL_TEXT_MAX), {"type": "number", **bounds}]
    return JsonForm({"anyOf": read}, _text(plain))


def _or_null(form: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [*form.get("anyOf", [form]), {"type": "null"}]}


DECIMAL = _decimal(f"[+-]?{_UNSIGNED}", f"-?{_PLAIN}")
POSITIVE = _decimal(rf"\+?{_ABOVE_ZERO}", _PLAIN_ABOVE_ZERO, exclusiveMinimum=0)
NON_NEGATIVE = _decimal(rf"(\+?{_UNSIGNED}|-{_ZERO})", _PLAIN, minimum=0)
NOT_GIVEN_IF_ZERO = JsonForm(_or_null(NON_NEGATIVE.read), _or_null(POSITIVE.written))
TIME = JsonForm(
    _text(rf"{_CLOCK}([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})", format="date-time"), _text(_CLOCK_IN_UTC, format="date-time")
)
ID = JsonForm(_text(_UUID, format="uuid"), _text(_UUID, format="uuid"))
