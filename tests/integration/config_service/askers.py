"""Who asks the HTTP API: users and the owner, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx

from shared.tokens import Role
from tests.application import bearer


class Asker:
    """One who asks the API."""

    def __init__(self, client: httpx.AsyncClient, user: str, role: Role) -> None:
        self._client = client
        self._headers = bearer(role, user=user)

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Ask, with `parameters` as the query."""
        return await self._client.get(path, params=parameters, headers=self._headers)

    async def page(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Ask for a page, and get one."""
        response = await self.get(path, **parameters)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def pages(self, path: str, **parameters: Any) -> AsyncIterator[list[dict[str, Any]]]:
        """Walk all pages."""
        page = await self.page(path, **parameters)
        yield page["items"]
        while page["next_cursor"] is not None:
            page = await self.page(path, **parameters, cursor=page["next_cursor"])
            yield page["items"]

    async def all(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """What all pages hold together."""
        return [item async for page in self.pages(path, **parameters) for item in page]


class Api:
    """The API, and the tokens for it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    def user(self, name: str) -> Asker:
        """A user."""
        return Asker(self._client, name, "user")

    @property
    def owner(self) -> Asker:
        """The owner."""
        return Asker(self._client, "owner-1", "owner")
