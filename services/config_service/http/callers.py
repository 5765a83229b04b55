"""What a route takes of its caller: who it is, the version that it means to change, its idempotency key, its body."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, TypeVar
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer
from pydantic import ValidationError

from services.config_service.http.problems import ProblemError, ProblemField, invalid
from shared.schemas.decoding import parse_object
from shared.schemas.reasons import REASONS_MAX, FieldError, field_errors, printable
from shared.schemas.values import Identifier, Message
from shared.tokens import Claims

ETAG_PATTERN = re.compile(r'(?P<quote>"?)(?P<version>[1-9][0-9]{0,9})(?P=quote)', re.ASCII)

BodyT = TypeVar("BodyT", bound=Message)


def _parameters_once(request: Request) -> None:
    """Refuse a parameter that is given twice, of which one would be taken. Raises ProblemError."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    twice = [name for name, times in given.items() if times > 1][:REASONS_MAX]
    if twice:
        raise invalid(*(ProblemField(field=printable(name), message="is given more than once") for name in twice))


TOKEN_IN_DOCUMENT = [Depends(HTTPBearer(auto_error=False, bearerFormat="JWT")), Depends(_parameters_once)]
"""What every route with a token has. So the OpenAPI document says it; `Guard` has judged the token by then."""

IF_MATCH_PATTERN = r'^(\*|"?[1-9][0-9]{0,9}"?)$'
"""For the document: what `expected_version` takes, as far as a pattern of JSON Schema can tell it."""
IfMatch = Annotated[
    str | None,
    Header(
        description="the ETag of the version that is to be changed, or `*`",
        json_schema_extra={"anyOf": [{"type": "string", "pattern": IF_MATCH_PATTERN}, {"type": "null"}]},
    ),
]
IdempotencyKey = Annotated[Identifier | None, Header()]


def _signed_in(request: Request) -> Claims:
    claims: Claims = request.state.claims
    return claims


def _owner(claims: Annotated[Claims, Depends(_signed_in)]) -> Claims:
    if claims.role != "owner":
        raise ProblemError("forbidden", "only the owner may do this")
    return claims


Caller = Annotated[Claims, Depends(_signed_in)]
Owner = Annotated[Claims, Depends(_owner)]


def visible_user(claims: Claims, asked_for: str | None) -> str | None:
    """Whose rows are shown; None is everybody's. Raises ProblemError where a user asks for another's."""
    if claims.role == "owner":
        return asked_for
    if asked_for not in (None, claims.user):
        raise ProblemError("forbidden", "a user sees only their own")
    return claims.user


async def read_body(request: Request, model: type[BodyT]) -> BodyT:
    """The body, with the refusals of messages. Raises ProblemError that names every wrong field."""
    document = parse_object(await request.body())
    if isinstance(document, FieldError):
        raise invalid(_field(document))
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise invalid(*map(_field, field_errors(error))) from None


def expected_version(if_match: str | None) -> int | None:
    """The version in an `If-Match` header; None where any will do. Raises ProblemError."""
    if if_match in (None, "*"):
        return None
    etag = ETAG_PATTERN.fullmatch(if_match)
    if etag is None:
        raise invalid(ProblemField(field="If-Match", message='must be the ETag of a version, such as "7", or *'))
    return int(etag["version"])


def command_id(user: str, idempotency_key: str | None) -> str:
    """The command's id: one for each user and key, so that no user can meet another's; a new one without a key."""
    return str(uuid4() if idempotency_key is None else uuid5(NAMESPACE_URL, f"lotwise:{user}\n{idempotency_key}"))


def _field(error: FieldError) -> ProblemField:
    return ProblemField(field=error.field, message=error.message)
