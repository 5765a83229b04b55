"""Refusals over HTTP: problem details (RFC 9457) with a stable code, and nothing of what is inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from services.config_service.http.request_ids import current_request_id
from services.config_service.verdict import Refused
from shared.errors import DependencyError
from shared.schemas.reasons import REASONS_MAX, Reason

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

STATUSES = {
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "unknown_schedule": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "request_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "version_conflict": HTTPStatus.CONFLICT,
    "command_id_conflict": HTTPStatus.CONFLICT,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "invalid_message": HTTPStatus.UNPROCESSABLE_ENTITY,
    "out_of_range": HTTPStatus.UNPROCESSABLE_ENTITY,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "try_again": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each code that a caller can meet."""
HEADER_OF = {"expected_version": "If-Match", "command_id": "Idempotency-Key"}
"""What travels in a header over HTTP, by its field in a message."""


class ProblemField(BaseModel):
    """One wrong field: its dotted path where there is one, and what is wrong with it."""

    model_config = ConfigDict(frozen=True)

    field: str | None = None
    message: str


class Problem(BaseModel):
    """Problem details. `code` is stable and for programs; `config_version` is the version in force, in a conflict.

    `request_id` is what our logs know the request by.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[ProblemField, ...] = ()
    config_version: int | None = None
    request_id: str | None = None


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: tuple[ProblemField, ...] = (),
        config_version: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        status = STATUSES[code]
        self.problem = Problem(
            type=f"urn:lotwise:problem:{code}",
            title=status.phrase,
            status=status,
            detail=detail,
            code=code,
            errors=errors,
            config_version=config_version,
        )
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The problem as an answer."""
        named = self.problem.model_copy(update={"request_id": current_request_id()})
        body = named.model_dump_json(exclude_none=True)
        return Response(body, status_code=self.problem.status, media_type=MEDIA_TYPE, headers=self.headers)


def unauthorized(*, token_given: bool) -> ProblemError:
    """No token, or none that is believed. The caller is not told what is wrong with it."""
    challenge = 'Bearer error="invalid_token"' if token_given else "Bearer"
    detail = "the token is not valid" if token_given else "a bearer token is needed"
    return ProblemError("unauthorized", detail, headers={"WWW-Authenticate": challenge})


def invalid(*errors: ProblemField) -> ProblemError:
    """Something that was sent cannot be read."""
    return ProblemError("invalid_message", _sentence(errors), errors=errors)


def refusal(refused: Refused) -> ProblemError:
    """A refused command."""
    errors = tuple(_field(reason) for reason in refused.reasons)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if refused.code == "try_again" else {}
    version = refused.config.config_version if refused.config else None
    if version is not None:
        headers["ETag"] = f'"{version}"'
    named = tuple(error for error in errors if error.field)
    return ProblemError(refused.code, _sentence(errors), errors=named, config_version=version, headers=headers)


def answer_problems(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make every refusal and every failure of `app`, whose routes are `routes`, a problem."""

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - Starlette hands over what it was registered for
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"Allow": ", ".join(sorted(_methods(request, routes)))}
            if request.method == "OPTIONS":
                return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
            return ProblemError("method_not_allowed", "not with this method", headers=headers).response()
        return ProblemError("not_found", "there is nothing here").response()

    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(DependencyError, _on_dependency)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - Starlette hands over what it was registered for
    return error.response()


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    details = error.errors()[:REASONS_MAX]
    # The first part of the path says where it stood: in the query, in a header.
    fields = (ProblemField(field=".".join(map(str, detail["loc"][1:])), message=detail["msg"]) for detail in details)
    return invalid(*fields).response()


def _methods(request: Request, routes: Sequence[BaseRoute]) -> set[str]:
    """Every method that the path has; Starlette names those of its first route only."""
    plain = (route for route in routes if isinstance(route, Route))
    matching = (route for route in plain if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in route.methods or ()}
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


async def _on_dependency(_request: Request, _error: Exception) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return ProblemError("try_again", "the database does not answer now", headers=headers).response()


async def _on_bug(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again once this is sent, and the server logs it.
    return ProblemError("internal_error", "something went wrong here, not with the request").response()


def _field(reason: Reason) -> ProblemField:
    return ProblemField(field=HEADER_OF.get(reason.field or "", reason.field), message=reason.message)


def _sentence(errors: tuple[ProblemField, ...]) -> str:
    return "; ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors)
