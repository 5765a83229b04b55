"""Where keys come from: our own secrets, or a JWKS that others change while we run."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx
import structlog
from pydantic import SecretStr

from shared.tokens.keys import Key, KeySetError, read_key_set, secret_key
from shared.tokens.settings import TokenSettings

log = structlog.get_logger()

JWKS_BYTES_MAX = 64 * 1024
FETCH_TIMEOUT_S = 5.0
URL_ASKED_EVERY_MIN_S = 30.0
"""However many unknown keys are named, the URL is not asked more often."""
URL_REFRESH_S = 300.0
"""After this long, a key that was taken out of the set is no longer believed."""
FILE_LOOKED_AT_EVERY_S = 5.0

Fetch = Callable[[], Awaitable[bytes | None]]
"""The JWKS, or None where it is what it was. Raises KeySetError."""


class Secrets:
    """One secret, and the one that it replaced. The `kid` is not asked for: we issue tokens without one."""

    refresh_s: float | None = None
    """Nothing changes while the process runs."""
    is_empty = False

    def __init__(self, secret: SecretStr, previous: SecretStr | None) -> None:
        self._keys = tuple(secret_key(each) for each in (secret, previous) if each is not None)

    async def find(self, _kid: str | None) -> tuple[Key, ...]:
        """Both."""
        return self._keys

    async def refresh(self) -> None:
        """There is nothing to do."""


class Jwks:
    """A JWKS in memory. A known `kid` costs no I/O; an unknown one makes it be fetched again, at most so often."""

    def __init__(
        self, fetch: Fetch, *, place: str, every_min_s: float, refresh_s: float, clock: Callable[[], float]
    ) -> None:
        self.refresh_s: float | None = refresh_s
        """How often `refresh` is to be called."""
        self._fetch = fetch
        self._place = place
        self._every_min_s = every_min_s
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._asked_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def find(self, kid: str | None) -> tuple[Key, ...]:
        """The key of that name. Without a name there is none: which key it was is not guessed."""
        if kid is None:
            return ()
        if kid not in self._keys and (self._may_ask() or self._one_at_a_time.locked()):
            await self._look_again(kid)
        return (self._keys[kid],) if kid in self._keys else ()

    async def refresh(self) -> None:
        """Take over what changed. Raises KeySetError where that fails; what was good is kept."""
        async with self._one_at_a_time:
            await self._load()

    async def _look_again(self, kid: str) -> None:
        async with self._one_at_a_time:
            if kid in self._keys or not self._may_ask():  # whom we waited for has asked for us too
                return
            try:
                await self._load()
            except KeySetError as error:
                log.warning("token_keys.kept", source=self._place, cause=str(error), keys=len(self._keys))

    def _may_ask(self) -> bool:
        return self._clock() - self._asked_at >= self._every_min_s

    async def _load(self) -> None:
        self._asked_at = self._clock()
        text = await self._fetch()
        if text is None:
            return
        found = read_key_set(text)
        if found.left_out:
            log.warning("token_keys.left_out", source=self._place, keys=found.left_out)
        if not found.keys:
            log.warning("token_keys.none", source=self._place)
        if found.keys.keys() != self._keys.keys():
            log.info("token_keys.changed", source=self._place, kids=sorted(found.keys))
        self._keys = found.keys

    @property
    def is_empty(self) -> bool:
        """Whether there is no key, so that no token can be believed."""
        return not self._keys


def file_fetch(file: Path) -> Fetch:
    """Reads a file of at most 64 KiB when it is another than the last time."""
    seen: tuple[int, ...] | None = None

    async def fetch() -> bytes | None:
        nonlocal seen
        try:
            mark, text = await asyncio.to_thread(_read_if_changed, file, seen)
        except OSError as error:
            raise KeySetError(f"{file} cannot be read: {error.strerror}") from None
        if text is not None and len(text) > JWKS_BYTES_MAX:
            raise KeySetError(f"{file} has more than {JWKS_BYTES_MAX} bytes")
        seen = mark
        return text

    return fetch


def _read_if_changed(file: Path, seen: tuple[int, ...] | None) -> tuple[tuple[int, ...], bytes | None]:
    status = file.stat()
    mark = (status.st_ino, status.st_mtime_ns, status.st_size)
    if mark == seen:
        return mark, None
    with file.open("rb") as opened:
        return mark, opened.read(JWKS_BYTES_MAX + 1)


def url_fetch(url: SecretStr) -> Fetch:
    """Asks a URL for a JWKS of at most 64 KiB, within five seconds, without following it elsewhere."""

    async def fetch() -> bytes:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                return await _get(url.get_secret_value())
        except TimeoutError:
            raise KeySetError(f"no answer within {FETCH_TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise KeySetError(f"cannot be fetched: {type(error).__name__}") from None

    return fetch


async def _get(url: str) -> bytes:
    # Neither a proxy nor a .netrc of the environment has a say; the authorities are the system's, or SSL_CERT_FILE's.
    client = httpx.AsyncClient(trust_env=False, follow_redirects=False, verify=ssl.create_default_context())
    # Unpacked, a small answer could be a large one.
    async with client, client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
        if response.status_code != httpx.codes.OK:
            raise KeySetError(f"answered with status {response.status_code}")
        text = bytearray()
        async for part in response.aiter_raw():
            text += part
            if len(text) > JWKS_BYTES_MAX:
                raise KeySetError(f"it has more than {JWKS_BYTES_MAX} bytes")
        return bytes(text)


KeySource = Secrets | Jwks


def key_source(settings: TokenSettings, *, clock: Callable[[], float] = time.monotonic) -> KeySource:
    """The one source that is set."""
    if settings.jwt_secret is not None:
        return Secrets(settings.jwt_secret, settings.jwt_secret_previous)
    if settings.jwt_jwks_file is not None:
        return Jwks(
            file_fetch(settings.jwt_jwks_file),
            place="file",
            every_min_s=FILE_LOOKED_AT_EVERY_S,
            refresh_s=FILE_LOOKED_AT_EVERY_S,
            clock=clock,
        )
    if settings.jwt_jwks_url is None:
        raise TypeError("the settings name no source of keys")
    return Jwks(
        url_fetch(settings.jwt_jwks_url),
        place="URL",
        every_min_s=URL_ASKED_EVERY_MIN_S,
        refresh_s=URL_REFRESH_S,
        clock=clock,
    )
