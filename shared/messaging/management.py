"""RabbitMQ's management API: one client, and what its failures mean to us."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from yarl import URL

from shared.errors import DependencyError, DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator

API_TIMEOUT_S = 15.0


@contextmanager
def management_api(api_url: str, *, virtual_host: str, needs: str) -> Iterator[httpx.Client]:
    """A client of `http://user:password@host:port`; paths start with `/api/`, answers are for `raise_for_status`.

    `virtual_host` is what the calls inside are about, `needs` the tags of the user that they take. Raises
    DependencyError where the API does not answer, DeploymentError where it refuses us or lacks the virtual host.
    """
    url = URL(api_url)
    place, user = f"the management API at {url.host}:{url.port}", url.user or ""
    base = str(url.with_user(None).with_query(None)).rstrip("/")
    try:
        # trust_env: a proxy of the environment is for the world outside, not for our broker.
        with httpx.Client(
            base_url=base,
            auth=(user, url.password or ""),
            timeout=API_TIMEOUT_S,
            trust_env=False,
            verify=ssl.create_default_context(),  # the system's authorities, or those of SSL_CERT_FILE
        ) as client:
            yield client
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise DeploymentError(
                f"LOTWISE_RABBITMQ_API_URL: {place} refuses user {user!r}; check name, password and the user's tags"
                f" ({needs})"
            ) from None
        if status == httpx.codes.NOT_FOUND:
            raise DeploymentError(f"LOTWISE_AMQP_URL: {place} knows no virtual host {virtual_host!r}") from None
        raise DependencyError(f"{place} answered with status {status}") from error
    except (httpx.TransportError, ValueError) as error:
        raise DependencyError(f"{place} does not answer: {str(error) or type(error).__name__}") from error
