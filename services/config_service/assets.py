"""Files and documents as answers: typed, named by their content, and asked for anew only when they have changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from fastapi import Request, Response

MEDIA_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""What is served of a folder; licences and notes stay there."""


@dataclass(frozen=True)
class Asset:
    """A body that is the same for everybody, and until the next release."""

    body: bytes
    media_type: str
    policy: str | None = None

    @cached_property
    def tag(self) -> str:
        """What it is known by to those who have it."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    def answer(self, request: Request) -> Response:
        """The body, or that the caller has it already; under `policy`, where the service's own is too strict for it.

        It is asked for each time, so that no release mixes with the last.
        """
        headers = {"ETag": self.tag, "Cache-Control": "no-cache"}
        if self.policy is not None:
            headers["Content-Security-Policy"] = self.policy
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def read_asset(file: Traversable, *, policy: str | None = None) -> Asset:
    """A file of this package. Raises KeyError where its kind is none that is served."""
    return Asset(file.read_bytes(), MEDIA_TYPES[PurePosixPath(file.name).suffix], policy)
