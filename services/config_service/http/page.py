"""The page for people: `/` and the few files that it is made of, which come with this package.

It is a client of the API like any other, and needs no token to be loaded: there is nothing in it to be seen without
one. Its content-security policy lets it load, run and reach what comes from this host, and nothing else.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from services.config_service.assets import MEDIA_TYPES, Asset, read_asset
from services.config_service.http.problems import ProblemError

PAGE_PATH = "/"
FILE_PATH = "/page/{name}"
INDEX = "index.html"
FOLDER = files("services.config_service").joinpath("page")

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # no text ever becomes markup
    )
)


def page_routes() -> APIRouter:
    """The routes of the page. They are no part of the API, and of its document."""
    page = _load()
    router = APIRouter(include_in_schema=False)

    @router.get(PAGE_PATH)
    async def index(request: Request) -> Response:
        return page[INDEX].answer(request)

    @router.get(FILE_PATH)
    async def file(request: Request, name: Annotated[str, Path()]) -> Response:
        if name not in page:
            raise ProblemError("not_found", "there is nothing here")
        return page[name].answer(request)

    return router


def _load() -> dict[str, Asset]:
    served = (file for file in FOLDER.iterdir() if PurePosixPath(file.name).suffix in MEDIA_TYPES)
    return {file.name: read_asset(file, policy=POLICY) for file in served}
