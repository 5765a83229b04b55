"""Files and documents as answers: typed, named by their content, and asked for anew only when they have changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePosixPath

from fastapi import Request, Response

FOLDER = files("services.config_service.documents").joinpath("static")
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
"""What is served of the folder; licences and notes stay there."""


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
        """The body, or that the caller has it already; under `policy`, where the service's own is too strict for it."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache"}
        if self.policy is not None:
            headers["Content-Security-Policy"] = self.policy
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def static_assets() -> dict[str, Asset]:
    """Every style sheet and script by its path below the folder."""
    names = ["documents.css", "http.js", "swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js"]
    return {name: Asset(FOLDER.joinpath(name).read_bytes(), MEDIA_TYPES[PurePosixPath(name).suffix]) for name in names}
