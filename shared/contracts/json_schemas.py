"""A JSON Schema for every message: what a sender may write, or what a receiver will read.

The schema of a message that others send takes what our services take: decimals as strings or numbers, defaults left
out. The schema of a message that a service sends is narrower: every field is there, every decimal a string, every time
in UTC. What a schema cannot say, the services still refuse: more than 38 digits, a date that does not exist, a
`volume_min` above the `volume_max`, a name that is given twice.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from shared.contracts.traffic import is_sent_to_us
from shared.schemas import account
from shared.schemas.decoding import SCHEMAS
from shared.schemas.instrument import InstrumentSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class AccountInstruments(account.AccountInstruments):
    """`account.instruments.v1`: what the account's broker says of its symbols.

    Each instrument is read alone: a wrong one is refused without the others.
    """

    instruments: Annotated[tuple[InstrumentSpec, ...], Field(strict=False, min_length=1, max_length=5000)]


_MODELS: dict[str, type[BaseModel]] = {**SCHEMAS, "account.instruments.v1": AccountInstruments}


class _Generator(GenerateJsonSchema):
    """Pydantic's, without what only repeats a field's name, and without keywords that are OpenAPI's.

    A written message has every field: there a default says nothing.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic names it
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic's signature
        return self.mode == "serialization" or super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        union = super().tagged_union_schema(schema)
        union.pop("discriminator", None)
        return union


def json_schema(message: str) -> dict[str, Any]:
    """The schema of `message`, such as `sizing.request.v1`, complete in itself."""
    generated = _MODELS[message].model_json_schema(mode=_mode(message), schema_generator=_Generator)
    flowing: dict[str, Any] = _with_flowing_text(generated)
    return {"$schema": DIALECT, "$id": f"urn:lotwise:schema:{message}", **flowing, "title": message}


def all_json_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its message."""
    return {message: json_schema(message) for message in SCHEMAS}


def schema_components(prefix: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The schemas as parts of one document, which refer to each other below `prefix`.

    Returns for each message the name of its part, and the parts.
    """
    modes = [(model, _mode(message)) for message, model in _MODELS.items()]
    places, document = models_json_schema(modes, ref_template=f"{prefix}{{model}}", schema_generator=_Generator)
    parts = {message: places[model, _mode(message)]["$ref"].removeprefix(prefix) for message, model in _MODELS.items()}
    return parts, _with_flowing_text(document["$defs"])


def _mode(message: str) -> JsonSchemaMode:
    return "validation" if is_sent_to_us(message) else "serialization"


def _with_flowing_text(node: Any) -> Any:
    """Descriptions with a line for each paragraph; the code's lines are broken for the code's readers."""
    if isinstance(node, list):
        return [_with_flowing_text(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    return {
        key: re.sub(r"(?<!\n)\n(?!\n)", " ", inner)
        if key == "description" and isinstance(inner, str)
        else _with_flowing_text(inner)
        for key, inner in node.items()
    }
