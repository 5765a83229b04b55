"""Answers of the API: JSON with the wire's decimals and times, the version as `ETag`, and the problems of a route."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Response
from pydantic import PlainSerializer

from services.config_service.http.problems import MEDIA_TYPE, STATUSES
from shared.schemas.values import Message, format_decimal

JSON = "application/json"
ETAG = {"ETag": {"description": "the version, quoted", "schema": {"type": "string"}}}

ComputedDecimal = Annotated[Decimal, PlainSerializer(format_decimal, return_type=str, when_used="json")]
"""A decimal that the database computed: it may have more digits than the wire takes from others."""


def json_answer(model: Message, *, version: int | None = None, status: int = 200) -> Response:
    """`model` as the messages write it; `version` becomes the ETag."""
    headers = {} if version is None else {"ETag": f'"{version}"'}
    return Response(model.to_json(), status_code=status, media_type=JSON, headers=headers)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    statuses = {STATUSES[code] for code in codes}
    return {s.value: {"description": s.phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for s in sorted(statuses)}


def documented_body(model: type[Message]) -> dict[str, Any]:
    """A body that the route reads itself, for the OpenAPI document."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


READING = documented("unauthorized", "invalid_message", "rate_limited", "try_again", "internal_error")
LISTING = {**READING, **documented("forbidden")}
CHANGING = {
    **READING,
    **documented("forbidden", "version_conflict", "body_too_large", "unsupported_media_type", "request_timeout"),
}
