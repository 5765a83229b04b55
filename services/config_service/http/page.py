"""The page for people: `/` and the few files that it is made of, which come with this package.

It is a client of the API like any other, and needs no token to be loaded: there is nothing in it to be seen without
one. Its content-security policy lets it load, run and reach what comes from this host, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from services.config_service.http.problems import ProblemError

PAGE_PATH = "/"
FILE_PATH = "/page/{name}"
INDEX = "index.html"
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

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


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page, and its tag: what it holds, hashed."""

    body: bytes
    media_type: str
    etag: str

    def answer(self, if_none_match: str | None) -> Response:
        """The file, or 304 where the browser has it. Asked for each time, so that no release mixes with the last."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
        if if_none_match == self.etag:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def page_routes() -> APIRouter:
    """The routes of the page. They are no part of the API, and of its document."""
    page = dict(_load())
    router = APIRouter(include_in_schema=False)

    @router.get(PAGE_PATH)
    async def index(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        return page[INDEX].answer(if_none_match)

    @router.get(FILE_PATH)
    async def file(name: Annotated[str, Path()], if_none_match: Annotated[str | None, Header()] = None) -> Response:
        if name not in page:
            raise ProblemError("not_found", "there is nothing here")
        return page[name].answer(if_none_match)

    return router


def _load() -> Iterator[tuple[str, PageFile]]:
    for file in files("services.config_service").joinpath("page").iterdir():
        kind = file.name.rpartition(".")[2]
        if kind in TYPES:
            body = file.read_bytes()
            yield file.name, PageFile(body, TYPES[kind], f'"{sha256(body).hexdigest()[:32]}"')
