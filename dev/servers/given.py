"""Broker and database that the environment names, verified by really connecting."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from dev.servers.databases import DatabaseError, check_server
from dev.servers.errors import UnavailableError
from dev.servers.management import Management, ManagementError
from shared.errors import DependencyError
from shared.messaging.link import BrokerSettings, open_link

AMQP = "LOTWISE_AMQP_URL"
DATABASE = "LOTWISE_DATABASE_URL"
API = "LOTWISE_RABBITMQ_API_URL"
API_PORT = 15672
CONNECT_TIMEOUT_S = 5.0


def is_anything_given() -> bool:
    """Tell whether the environment names a broker or a database."""
    return bool(os.environ.get(AMQP) or os.environ.get(DATABASE))


def given_urls() -> tuple[str, str, str]:
    """Return the URLs of broker, management API and database, each of which answered; raises UnavailableError."""
    amqp_url, database_url = os.environ.get(AMQP, ""), os.environ.get(DATABASE, "")
    if not (amqp_url and database_url):
        raise UnavailableError(f"both {AMQP} and {DATABASE} are needed, or neither")
    api_url = os.environ.get(API) or _default_api_url(amqp_url)
    _check_broker(amqp_url)
    _check_api(api_url)
    try:
        check_server(database_url)
    except DatabaseError as error:
        raise UnavailableError(f"{DATABASE}: {error}") from error
    return amqp_url, api_url, database_url


def _default_api_url(amqp_url: str) -> str:
    """The broker's host and credentials, on the management API's usual port."""
    parts = urlsplit(amqp_url)
    credentials, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return urlunsplit(("http", f"{credentials}{at}{host}:{API_PORT}", "", "", ""))


def _check_broker(url: str) -> None:
    with ThreadPoolExecutor(1) as thread:  # there may be an event loop in this one
        try:
            thread.submit(asyncio.run, _connect(url)).result()
        except (DependencyError, ValueError) as error:
            raise UnavailableError(f"{AMQP}: {error}") from error


async def _connect(url: str) -> None:
    async with open_link(BrokerSettings(amqp_url=SecretStr(url)), name="lotwise-dev"):
        return


def _check_api(url: str) -> None:
    try:
        with Management(url, timeout_s=CONNECT_TIMEOUT_S) as management:
            if "administrator" not in management.whoami_tags():
                raise UnavailableError(f"{API}: the user is no administrator and cannot make virtual hosts")
    except ManagementError as error:
        raise UnavailableError(f"{API}: {error}") from error
