"""The HTTP API of config_service, as its caller: one token, refusals as values, failures in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import httpx
from pydantic import SecretStr

from shared.errors import DependencyError, DeploymentError
from shared.settings import HttpUrl, Settings, load

if TYPE_CHECKING:
    from types import TracebackType

CONFIG = "/api/v1/risk/config"
SPLITS = f"{CONFIG}/entry-splits"
BUFFER = f"{CONFIG}/margin-buffer"
HISTORY = f"{CONFIG}/history"
SCHEDULES = f"{CONFIG}/schedules"

TIMEOUT_S = 15.0
"""Longer than config_service takes to say that it cannot apply something now."""
ATTEMPTS = 3
REFUSED = (404, 409, 422)
BUSY = (408, 429, 503)


class DoorSettings(Settings):
    """Where the API is, and the caller's tokens: to look, a user's will do."""

    http_url: HttpUrl
    owner_token: SecretStr | None = None
    user_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API's "no": a stable code, and a sentence for each fault."""

    code: str
    sentences: tuple[str, ...]


class Door:
    """Asks the API, while entered by `with`. Entering raises DeploymentError where a setting is missing or wrong."""

    def __init__(self, *, owner: bool) -> None:
        """`owner`: only the owner's token will do."""
        settings = load(DoorSettings)
        token = settings.owner_token or (None if owner else settings.user_token)
        self._variable = "LOTWISE_OWNER_TOKEN" if settings.owner_token or owner else "LOTWISE_USER_TOKEN"
        if token is None:
            others = "" if owner else ", and LOTWISE_USER_TOKEN, which would serve, is not either"
            raise DeploymentError(f"LOTWISE_OWNER_TOKEN: is not set{others}; `lotwise token` issues one")
        self._client = httpx.Client(
            base_url=settings.http_url.get_secret_value().rstrip("/"),
            headers={"Authorization": f"Bearer {_header(token, self._variable)}"},
            timeout=TIMEOUT_S,
            trust_env=False,  # a proxy of the environment would see the token
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        """What a GET answers. Raises DependencyError, DeploymentError."""
        answer = self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})
        if isinstance(answer, Refusal):
            raise DeploymentError(f"LOTWISE_HTTP_URL: {'; '.join(answer.sentences)}")
        return answer

    def change(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, expected_version: int | None = None
    ) -> dict[str, Any] | Refusal:
        """What a change answers, once, however often it had to be sent. Raises DependencyError, DeploymentError."""
        headers = {"Idempotency-Key": str(uuid4())}
        if expected_version is not None:
            headers["If-Match"] = f'"{expected_version}"'
        return self._ask(method, path, json=body, headers=headers)

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any] | Refusal:
        response = self._send(method, path, **arguments)
        problem = _document(response)
        if response.is_success and problem is not None:
            return problem
        detail = str((problem or {}).get("detail", ""))
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise DeploymentError(
                f"{self._variable}: config_service does not believe this token: it has ended, or another key signed it;"
                " `lotwise token` issues one"
            )
        if response.status_code == httpx.codes.FORBIDDEN:
            raise DeploymentError(f"{self._variable}: only the owner may do this: {detail}")
        if response.status_code in BUSY:
            raise DependencyError(f"config_service cannot do it now: {detail or response.status_code}")
        if problem is None or "code" not in problem or response.status_code not in REFUSED:
            raise DeploymentError(f"LOTWISE_HTTP_URL: no answer of config_service: status {response.status_code}")
        return Refusal(str(problem["code"]), _sentences(problem))

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._client.request(method, path, **arguments)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS:
                    cause = str(error) or type(error).__name__
                    raise DependencyError(f"LOTWISE_HTTP_URL: config_service cannot be reached: {cause}") from None
        raise AssertionError("the last attempt returns or raises")


def _header(token: SecretStr, variable: str) -> str:
    text = token.get_secret_value().strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise DeploymentError(f"{variable}: is no token")
    return text


def _document(response: httpx.Response) -> dict[str, Any] | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _sentences(problem: dict[str, Any]) -> tuple[str, ...]:
    faults = [f"{fault['field']}: {fault['message']}" for fault in problem.get("errors") or () if fault.get("field")]
    return tuple(faults) or (str(problem.get("detail", "refused")),)
