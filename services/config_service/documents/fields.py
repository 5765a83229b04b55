"""A JSON Schema as the rows of a table: every field by its path, what it may be, and whether it must be there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.schemas import json_forms

Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}
_ABOUT = ("description", "default", "title")
_FORMS = {
    "decimal": json_forms.DECIMAL,
    "decimal > 0": json_forms.POSITIVE,
    "decimal ≥ 0": json_forms.NON_NEGATIVE,
    "decimal > 0; 0 and null: not given": json_forms.NOT_GIVEN_IF_ZERO,
    "time": json_forms.TIME,
    "UUID": json_forms.ID,
}
_SHOWN_MAX = 2**31 - 2
"""Larger bounds are those of the database's integers, and no news to anybody."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path (`entries[].stop_loss`), its kind in words, whether it must be there, and a note.

    The note on a field of a body is what is assumed where it is left out.
    """

    path: str
    kind: str
    required: bool
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of a message, or of one of the forms that it may have."""

    title: str
    about: str
    fields: tuple[Field, ...]


def tables(schema: Schema, schemas: Schema) -> list[Table]:
    """One table, or one for each form where the message has several. `schemas` are what references lead to."""
    forms = [_resolved(form, schemas) for form in schema.get("oneOf", [])]
    return [_table(form, schemas) for form in forms] or [_table(schema, schemas)]


def _table(schema: Schema, schemas: Schema) -> Table:
    return Table(schema.get("title", ""), schema.get("description", ""), tuple(_fields(schema, schemas)))


def _fields(schema: Schema, schemas: Schema, prefix: str = "") -> Iterator[Field]:
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        required = name in schema.get("required", [])
        yield Field(path, kind(inner, schemas), required, _words(inner.get("default")))
        yield from _inside(inner, schemas, path)


def _inside(schema: Schema, schemas: Schema, path: str) -> Iterator[Field]:
    for form in [*schema.get("anyOf", []), schema]:
        if "$ref" in form:
            yield from _fields(_resolved(form, schemas), schemas, f"{path}.")
        elif "items" in form:
            yield from _inside(form["items"], schemas, f"{path}[]")


def kind(schema: Schema, schemas: Schema) -> str:
    """What a value may be, in words."""
    bare = {key: value for key, value in schema.items() if key not in _ABOUT}
    for words, form in _FORMS.items():
        if bare in (form.read, form.written):
            return words
    if _NULL in bare.get("anyOf", []):
        forms = [form for form in bare["anyOf"] if form != _NULL]
        return f"{kind(forms[0] if len(forms) == 1 else {'anyOf': forms}, schemas)} or null"
    if "anyOf" in bare:
        return " | ".join(dict.fromkeys(value for form in bare["anyOf"] for value in form["enum"]))
    if "not" in bare:
        return "left out"
    if "const" in bare:
        return str(bare["const"])
    if "enum" in bare:
        return " | ".join(bare["enum"])
    return _plain(_resolved(bare, schemas))


def _plain(schema: Schema) -> str:
    match schema:
        case {"type": "array"}:
            return f"list{_bounds(schema, 'minItems', 'maxItems')}"
        case {"type": "object", "patternProperties": pairs}:
            (value,) = pairs.values()
            return f"object: {kind(value, {})} by name"
        case {"type": "integer"}:
            return f"integer{_bounds(schema, 'minimum', 'maximum')}"
        case {"type": "string", "format": "uuid"}:
            return "UUID"
        case {"type": "string"}:
            return f"string{_bounds(schema, 'minLength', 'maxLength')}{' characters' * ('maxLength' in schema)}"
    return str(schema["type"])


def _bounds(schema: Schema, least: str, most: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if high is None or high > _SHOWN_MAX:
        return "" if low is None else f" ≥ {low}"
    return f" of at most {high}" if low is None else f", {low} to {high}"


def _words(default: Any) -> str:
    return default if isinstance(default, str) else json.dumps(default)


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    """The schema, or what it refers to."""
    if "$ref" not in schema:
        return schema
    referred: Schema = schemas[schema["$ref"].rpartition("/")[2]]
    return referred
