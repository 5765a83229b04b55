"""The HTTP API: read the dial, turn it, see its history, and whether the service is well."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from pydantic import ValidationError

from services.config_service.changes import Changes
from services.config_service.counts import COMMANDS
from services.config_service.dial import Order, Refused, Verdict
from services.config_service.guard import HEALTH_PATH, Guard, Journal
from services.config_service.problems import (
    MEDIA_TYPE,
    STATUSES,
    Problem,
    ProblemError,
    ProblemField,
    answer_problems,
    invalid,
    refusal,
)
from shared.health import DatabaseCheck
from shared.schemas.config import ConfigChanged, SetRiskPercent
from shared.schemas.decoding import parse_object
from shared.schemas.reasons import FieldError, field_errors
from shared.schemas.values import ExactDecimal, Identifier, Text, UtcTime
from shared.schemas.values import Message as WireModel
from shared.tokens import Claims, TokenSettings

JSON = "application/json"
CONFIG_PATH = "/api/v1/risk/config"
HISTORY_PATH = "/api/v1/risk/config/history"
OPENAPI_PATH = "/api/openapi.json"
PAGE_DEFAULT = 50
PAGE_MAX = 200
VERSION_MAX = 2**31 - 1
ETAG_PATTERN = re.compile(r'(?P<quote>"?)(?P<version>[1-9][0-9]{0,9})(?P=quote)', re.ASCII)


class RiskChange(WireModel):
    """What the owner sends: the new percent (3 = 3 %), as a JSON number or a string, and why."""

    new_risk_percent: ExactDecimal
    reason: Text | None = None


class RiskChanged(WireModel):
    """What became of it."""

    new_risk_percent: ExactDecimal
    previous_risk_percent: ExactDecimal
    config_version: int
    updated_at: UtcTime
    updated_by: str


class History(WireModel):
    """Versions, the newest first; `next_before_version` asks for the next page, null after the last."""

    items: tuple[ConfigChanged, ...]
    next_before_version: int | None


class Health(WireModel):
    """Whether the service can do its work, and the version of release and configuration that it is at."""

    status: str
    database: bool
    broker: bool
    version: str
    config_version: int | None


def _problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    statuses = {STATUSES[code] for code in codes}
    return {s.value: {"description": s.phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for s in sorted(statuses)}


READING = _problems("unauthorized", "invalid_message", "try_again", "internal_error")
CHANGING = {
    **READING,
    **_problems("forbidden", "version_conflict", "body_too_large", "unsupported_media_type", "request_timeout"),
}
ETAG = {"ETag": {"description": "the version, quoted", "schema": {"type": "string"}}}


def _signed_in(request: Request) -> Claims:
    claims: Claims = request.state.claims
    return claims


def _owner(claims: Annotated[Claims, Depends(_signed_in)]) -> Claims:
    if claims.role != "owner":
        raise ProblemError("forbidden", "only the owner may do this")
    return claims


Owner = Annotated[Claims, Depends(_owner)]


class ConfigApi:
    """The routes, over the one configuration that messages change too."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def read(self) -> Response:
        """Return the configuration in force."""
        return _json(config := await self._changes.current(), version=config.config_version)

    async def turn(
        self,
        request: Request,
        claims: Owner,
        if_match: Annotated[str | None, Header(description="the ETag of the version that is to be changed")] = None,
        idempotency_key: Annotated[Identifier | None, Header()] = None,
    ) -> Response:
        """Set the risk percent, as the owner. The same `Idempotency-Key` again has one effect and the same answer."""
        change = _read_change(await request.body())
        command = SetRiskPercent(
            command_id=_command_id(claims.user, idempotency_key),
            command="set_risk_percent",
            new_risk_percent=change.new_risk_percent,
            reason=change.reason,
            expected_version=_expected_version(if_match),
        )
        return _answer(await self._changes.apply(Order(command, claims.user)))

    async def history(
        self,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        before_version: Annotated[int | None, Query(ge=1, le=VERSION_MAX)] = None,
    ) -> Response:
        """Return the versions, newest first; `before_version` is the former page's `next_before_version`."""
        items = await self._changes.history(limit=limit, before=before_version)
        last = items[-1].config_version if len(items) == limit else 1
        return _json(History(items=tuple(items), next_before_version=last if last > 1 else None))


def config_app(
    changes: Changes, *, tokens: TokenSettings, broker_up: Callable[[], bool], database: DatabaseCheck
) -> FastAPI:
    """The application; everything under /api but health needs a token, the OpenAPI document too."""
    app = FastAPI(title="Lotwise", version=version("lotwise"), openapi_url=OPENAPI_PATH, docs_url=None, redoc_url=None)
    _add_routes(app, ConfigApi(changes))

    @app.get(HEALTH_PATH, response_model=Health, responses={503: {"model": Health}}, tags=["health"])
    async def health() -> Response:
        """Tell whether the service is ready; 503 where it is not."""
        await database.refresh()
        ready = database() and broker_up()
        state = Health(
            status="ready" if ready else "not ready",
            database=database(),
            broker=broker_up(),
            version=app.version,
            config_version=changes.latest_version,
        )
        return Response(state.to_json(), status_code=200 if ready else 503, media_type=JSON)

    answer_problems(app)
    app.add_middleware(Guard, tokens=tokens)
    app.add_middleware(Journal)  # the last is the outermost
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to complete the document
    return app


def _add_routes(app: FastAPI, api: ConfigApi) -> None:
    shared: dict[str, Any] = {
        "dependencies": [Depends(HTTPBearer(auto_error=False, bearerFormat="JWT"))],  # for the document: see `Guard`
        "tags": ["risk"],
    }
    read = {"description": "the configuration", "headers": ETAG}
    changed = {"description": "the change", "headers": ETAG}
    body = {"required": True, "content": {JSON: {"schema": RiskChange.model_json_schema()}}}
    app.add_api_route(
        CONFIG_PATH, api.read, methods=["GET"], response_model=ConfigChanged, responses={200: read, **READING}, **shared
    )
    app.add_api_route(
        CONFIG_PATH,
        api.turn,
        methods=["POST"],
        response_model=RiskChanged,
        responses={200: changed, **CHANGING},
        openapi_extra={"requestBody": body},
        **shared,
    )
    app.add_api_route(HISTORY_PATH, api.history, methods=["GET"], response_model=History, responses=READING, **shared)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        app.openapi_schema = document
    return app.openapi_schema


def _read_change(body: bytes) -> RiskChange:
    """The body, with the refusals of messages. Raises ProblemError that names every wrong field."""
    document = parse_object(body)
    if isinstance(document, FieldError):
        raise invalid(_field(document))
    try:
        return RiskChange.model_validate(document)
    except ValidationError as error:
        raise invalid(*map(_field, field_errors(error))) from None


def _field(error: FieldError) -> ProblemField:
    return ProblemField(field=error.field, message=error.message)


def _expected_version(if_match: str | None) -> int | None:
    """The version in an `If-Match` header; None where any will do. Raises ProblemError."""
    if if_match in (None, "*"):
        return None
    etag = ETAG_PATTERN.fullmatch(if_match)
    if etag is None:
        raise invalid(ProblemField(field="If-Match", message='must be the ETag of a version, such as "7", or *'))
    return int(etag["version"])


def _command_id(user: str, idempotency_key: str | None) -> str:
    """The command's id: one for each user and key, so that no user can meet another's; a new one without a key."""
    return str(uuid4() if idempotency_key is None else uuid5(NAMESPACE_URL, f"lotwise:{user}\n{idempotency_key}"))


def _answer(verdict: Verdict) -> Response:
    if isinstance(verdict, Refused):
        COMMANDS.labels("http", "set_risk_percent", verdict.code).inc()
        raise refusal(verdict)
    COMMANDS.labels("http", "set_risk_percent", "").inc()
    config = verdict.config
    changed = RiskChanged(
        new_risk_percent=config.fixed_risk_percent,
        previous_risk_percent=verdict.previous.fixed_risk_percent,
        config_version=config.config_version,
        updated_at=config.updated_at,
        updated_by=config.updated_by,
    )
    return _json(changed, version=config.config_version)


def _json(model: WireModel, *, version: int | None = None) -> Response:
    headers = {} if version is None else {"ETag": f'"{version}"'}
    return Response(model.to_json(), media_type=JSON, headers=headers)
