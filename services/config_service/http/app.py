"""The HTTP API, put together: its routes, what every request passes on its way in, and the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from services.config_service.http.guard import Guard, Journal
from services.config_service.http.problems import Problem, answer_problems
from shared import __version__
from shared.tokens import TokenVerifier

OPENAPI_PATH = "/api/openapi.json"


def config_app(*routers: APIRouter, tokens: TokenVerifier) -> FastAPI:
    """The application of `routers`; everything under /api but health needs a token, the OpenAPI document too."""
    app = FastAPI(title="Lotwise", version=__version__, openapi_url=OPENAPI_PATH, docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    answer_problems(app, [*app.routes, *(route for router in routers for route in router.routes)])
    app.add_middleware(Guard, tokens=tokens)
    app.add_middleware(Journal)  # the last is the outermost
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to complete the document
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        app.openapi_schema = document
    return app.openapi_schema
