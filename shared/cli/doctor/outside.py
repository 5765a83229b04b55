"""What is seen from outside: the workers that config_service knows, and certificates."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.x509 import load_pem_x509_certificate
from yarl import URL

from shared.cli.doctor.finding import Finding, fail, ok, unknown, warn

TIMEOUT_S = 5.0
EXPIRY_FAIL_DAYS, EXPIRY_WARN_DAYS = 3, 21
TLS_PORTS = {"amqps": 5671, "https": 443}


def check_workers(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Who runs which configuration, where LOTWISE_HTTP_URL and a token are given; otherwise nothing."""
    url = environment.get("LOTWISE_HTTP_URL")
    token = environment.get("LOTWISE_OWNER_TOKEN") or environment.get("LOTWISE_USER_TOKEN")
    if not (url and token):
        return
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/api/v1/workers",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        listed = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        advice = "see that config_service runs at LOTWISE_HTTP_URL, and that the token is believed"
        yield fail("configuration of workers", f"no answer: {str(error) or type(error).__name__}", advice)
        return
    yield judge_workers(listed)


def judge_workers(listed: Mapping[str, Any]) -> Finding:
    """The answer of `/api/v1/workers`, judged."""
    odd = [f"{one['instance']} is {one['state']}" for one in listed["workers"] if one["state"] != "current"]
    version = listed["config_version"]
    if odd:
        advice = "one that was stopped is missing for a quarter of an hour; of another, look into its log"
        return warn("configuration of workers", f"version {version}; {', '.join(odd)}", advice)
    return ok("configuration of workers", f"{len(listed['workers'])} run version {version}")


def check_certificates(urls: Mapping[str, str]) -> Iterator[Finding]:
    """The end of each certificate that a URL leads to by TLS; `urls` by the name that the check gets."""
    for name, text in urls.items():
        url = URL(text)
        if url.scheme in TLS_PORTS and url.host:
            yield _certificate(f"certificate of {name}", url.host, url.port or TLS_PORTS[url.scheme])


def _certificate(check: str, host: str, port: int) -> Finding:
    try:
        pem = ssl.get_server_certificate((host, port), timeout=TIMEOUT_S)
        ends_at = load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return unknown(check, f"not to be had: {error}", "see that the host and port take TLS")
    return judge_expiry(check, (ends_at - datetime.now(UTC)).days)


def judge_expiry(check: str, days: int) -> Finding:
    """A certificate that is valid for so many days more."""
    found = f"ends in {days} days" if days >= 0 else "has ended"
    if days < EXPIRY_FAIL_DAYS:
        return fail(check, found, "renew it now")
    return warn(check, found, "renew it") if days < EXPIRY_WARN_DAYS else ok(check, found)
