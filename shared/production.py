"""What a production environment refuses: secrets that can be guessed, and connections that can be listened to."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECRET_CHARACTERS_MIN = 16
DISTINCT_MIN = 6
REST_MIN = 8
"""Letters that must be left when the words that are guessed first are taken out of a secret that has one."""
_GUESSED = re.compile(
    "password|passwd|pass|change|guest|postgresql|postgres|rabbitmq|lotwise|operator|admin|root|user|secret"
    "|default|example|test|demo|owner|qwerty|letmein|welcome",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"change[\W_]?(me|this|it)", re.IGNORECASE)
_REPEATED = re.compile(r"(.+?)\1+", re.DOTALL)
_HINT = "put in a random one of its own; `openssl rand -hex 32` makes one"


def production_faults(secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each variable that holds what production must not run with, and what to do; never the value itself."""
    return [(name, fault) for name, value in secrets.items() for fault in _faults(name, value)]


def is_weak(secret: str) -> bool:
    """Whether a secret is short, repeats itself, or is made of words that are guessed first."""
    repeated = _REPEATED.fullmatch(secret)
    core = repeated[1] if repeated else secret
    if len(core) < SECRET_CHARACTERS_MIN or len(set(core)) < DISTINCT_MIN or _PLACEHOLDER.search(core):
        return True
    return bool(_GUESSED.search(core)) and len(re.sub(r"[\W\d_]", "", _GUESSED.sub("", core))) < REST_MIN


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine itself, by its name or address, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _faults(name: str, value: str) -> Iterator[str]:
    scheme, separator, _ = value.partition("://")
    if separator and scheme in _BY_SCHEME:
        yield from _BY_SCHEME[scheme](name, URL(value))
    elif is_weak(value):
        yield f"is too easily guessed for production; {_HINT}"


def _weak_password(url: URL, default: str | None) -> Iterator[str]:
    password = url.password or default
    if password is not None and is_weak(password):
        yield f"its password is too easily guessed for production; {_HINT}"


def _amqp(_name: str, url: URL) -> Iterator[str]:
    yield from _weak_password(url, "guest")  # the driver's default
    if not is_loopback(url.host):
        yield "is not encrypted, and production is; use amqps://, with cafile=… where its authority is your own"


def _amqps(_name: str, url: URL) -> Iterator[str]:
    yield from _weak_password(url, "guest")
    # aiormq verifies where the first value is missing or exactly 0, and knows no other name for it.
    if set(url.query.getall("no_verify_ssl", ["0"])) != {"0"}:
        yield "does not verify the broker's certificate; remove no_verify_ssl"


def _postgresql(_name: str, url: URL) -> Iterator[str]:
    # None at all is well: a socket, or a client's certificate.
    yield from _weak_password(url, url.query.get("password"))
    hosts = [*([url.host] if url.host else []), *url.query.getall("host", [])]
    if not all(host.startswith("/") or is_loopback(host) for host in hosts) and (
        url.query.getall("sslmode", []) != ["verify-full"]
    ):
        yield "does not verify the database's certificate; add sslmode=verify-full&sslrootcert=…"


def _http(name: str, url: URL) -> Iterator[str]:
    yield from _weak_password(url, None)
    if name.endswith("_JWKS_URL") or not is_loopback(url.host):
        yield "is not encrypted, and production is; use https://"


def _https(_name: str, url: URL) -> Iterator[str]:
    yield from _weak_password(url, None)


_BY_SCHEME: Mapping[str, Callable[[str, URL], Iterator[str]]] = {
    "amqp": _amqp,
    "amqps": _amqps,
    "postgresql": _postgresql,
    "http": _http,
    "https": _https,
}
