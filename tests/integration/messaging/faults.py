"""What happens to connections: here, the operator closes them by force."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from dev.waiting import eventually

TIMEOUT_S = 10.0


class Operator:
    """An operator at the management API, who closes connections of one vhost."""

    def __init__(self, api_url: str, virtual_host: str) -> None:
        self._api = httpx.Client(base_url=f"{api_url.rstrip('/')}/api", timeout=TIMEOUT_S, trust_env=False)
        self._virtual_host = quote(virtual_host, safe="")

    def close(self) -> None:
        """Leave."""
        self._api.close()

    async def close_connection(self, client_name: str) -> None:
        """Close the connection that calls itself so, as soon as the broker lists it."""

        async def look() -> list[str]:
            connections = self._api.get(f"/vhosts/{self._virtual_host}/connections").raise_for_status().json()
            return [one["name"] for one in connections if _client_name(one) == client_name]

        (name,) = await eventually(look, timeout_s=15)
        self._api.delete(f"/connections/{quote(name, safe='')}").raise_for_status()


def _client_name(connection: dict[str, dict[str, str]]) -> str | None:
    return connection.get("client_properties", {}).get("connection_name")
