"""Where the contract is shown: pages for people, the same as JSON for programs. Open to anyone: it is the same for
every deployment, and says nothing of this one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.config_service.assets import Asset, read_asset
from services.config_service.documents.message_page import page_context, prose
from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.json_schemas import json_schema
from shared.schemas.decoding import SCHEMAS

DOCUMENTS = "/docs"
MESSAGES_PATH = f"{DOCUMENTS}/messages"
HTTP_PATH = f"{DOCUMENTS}/http"
ASYNCAPI_PATH = f"{DOCUMENTS}/asyncapi.json"
OPENAPI_PATH = f"{DOCUMENTS}/openapi.json"
SCHEMA_PATH = f"{DOCUMENTS}/schemas/{{name}}"
STATIC_PATH = f"{DOCUMENTS}/static/{{name:path}}"

STATIC_FOLDER = files("services.config_service.documents").joinpath("static")
STATIC_FILES = ("documents.css", "http.js", "swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js")

HTML, JSON = "text/html", "application/json"
READ_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI: its own script, calls to this very service, icons that are inside its style sheet.
TRY_POLICY = f"{READ_POLICY}; script-src 'self'; connect-src 'self'"

_TEMPLATES = Environment(
    loader=PackageLoader("services.config_service.documents"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["prose"] = prose


def document_routes() -> APIRouter:
    """The routes of the contract's documents."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route(DOCUMENTS, _start)
    router.add_api_route(MESSAGES_PATH, _answering(_message_page))
    router.add_api_route(HTTP_PATH, _answering(_http_page))
    router.add_api_route(ASYNCAPI_PATH, _answering(_asyncapi))
    router.add_api_route(OPENAPI_PATH, _OpenApi().answer)
    router.add_api_route(SCHEMA_PATH, _schema)
    router.add_api_route(STATIC_PATH, _static)
    return router


def _answering(make: Callable[[], Asset]) -> Callable[[Request], Response]:
    """A route to what `make` makes once, when it is first asked for."""

    def answer(request: Request) -> Response:
        return make().answer(request)

    return answer


async def _start() -> Response:
    return RedirectResponse(MESSAGES_PATH)


@cache
def _message_page() -> Asset:
    return _page("messages.html", READ_POLICY, **page_context(asyncapi_document()))


@cache
def _http_page() -> Asset:
    return _page("http.html", TRY_POLICY)


@cache
def _asyncapi() -> Asset:
    return _json(asyncapi_document())


class _OpenApi:
    """The application's own document, made when it is first asked for: the application has all its routes by then."""

    def __init__(self) -> None:
        self._made: Asset | None = None

    async def answer(self, request: Request) -> Response:
        if self._made is None:
            self._made = _json(request.app.openapi())
        return self._made.answer(request)


async def _schema(request: Request, name: str) -> Response:
    message = name.removesuffix(".json")
    if message == name or message not in SCHEMAS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _schema_of(message).answer(request)


@cache
def _schema_of(message: str) -> Asset:
    return _json(json_schema(message))


async def _static(request: Request, name: str) -> Response:
    asset = static_assets().get(name)
    if asset is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return asset.answer(request)


@cache
def static_assets() -> dict[str, Asset]:
    """Every style sheet and script by its path below the folder."""
    return {name: read_asset(STATIC_FOLDER.joinpath(name)) for name in STATIC_FILES}


def _page(template: str, policy: str, **context: Any) -> Asset:
    links = {"messages": MESSAGES_PATH, "http": HTTP_PATH, "asyncapi": ASYNCAPI_PATH, "openapi": OPENAPI_PATH}
    text = _TEMPLATES.get_template(template).render(links=links, root=DOCUMENTS, **context)
    return Asset(text.encode(), HTML, policy)


def _json(document: Any) -> Asset:
    return Asset(json.dumps(document, ensure_ascii=False).encode(), JSON)
