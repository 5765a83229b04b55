"""The HTTP API, put together: its routes, what every request passes on its way in, and the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from services.config_service.http.guard import Guard
from services.config_service.http.handshake import Handshake
from services.config_service.http.journal import Journal
from services.config_service.http.methods import Head
from services.config_service.http.problems import MEDIA_TYPE, Problem, answer_problems
from services.config_service.http.throttle import Throttle
from shared import __version__
from shared.tokens import TokenVerifier

OPENAPI_PATH = "/api/openapi.json"


class Api(FastAPI):
    """FastAPI with the journal around its own handler of bugs, whose answers need its headers too."""

    def build_middleware_stack(self) -> ASGIApp:
        """What serves a request, from the outside in."""
        return Journal(super().build_middleware_stack())


def config_app(*routers: APIRouter, tokens: TokenVerifier, throttle: Throttle) -> FastAPI:
    """The application of `routers`; everything under /api but health needs a token, the OpenAPI document too."""
    app = Api(title="Lotwise", version=__version__, openapi_url=OPENAPI_PATH, docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    answer_problems(app, [*app.routes, *(route for router in routers for route in router.routes)])
    app.add_middleware(Handshake)
    app.add_middleware(Guard, tokens=tokens, throttle=throttle)
    app.add_middleware(Head)  # the last is the outermost
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to complete the document
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        document["components"]["responses"] = _share_refusals(document)
        app.openapi_schema = document
    return app.openapi_schema


def _share_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """Replace each refusal in `document` by a reference; what they refer to, by name."""
    shared = {}
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if MEDIA_TYPE in response.get("content", {}):
                    name = response["description"].replace(" ", "")
                    shared[name] = response
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared
