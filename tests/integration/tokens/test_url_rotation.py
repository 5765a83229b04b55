"""Keys that a real HTTP server publishes, changes, hides and withholds."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from pydantic import SecretStr

from dev.waiting import eventually
from shared.errors import DependencyError
from shared.tokens import TokenError, TokenSettings, TokenVerifier
from shared.tokens.sources import FETCH_TIMEOUT_S, JWKS_BYTES_MAX, URL_ASKED_EVERY_MIN_S
from tests.unit.tokens.believing import Clock, is_believed
from tests.unit.tokens.forgery import ec_key, jwks, rsa_key

OK = b"HTTP/1.1 200 OK"


class KeyServer:
    """Answers every request with what it is told to, and counts them."""

    def __init__(self) -> None:
        self.requests = 0
        self.status = OK
        self.headers: list[bytes] = []
        self.body = jwks(rsa_key())
        self.answers = asyncio.Event()
        self.answers.set()

    async def open(self) -> None:
        """Listen on a port of its own."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/jwks.json"

    async def close(self) -> None:
        """Stop listening."""
        self.answers.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            await self.answers.wait()
            writer.write(b"\r\n".join([self.status, b"Connection: close", *self.headers, b"", self.body]))
            await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    made = KeyServer()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def unloaded(server: KeyServer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(TokenSettings(jwt_jwks_url=SecretStr(server.url)), clock=clock)


@pytest.fixture
async def verifier(unloaded: TokenVerifier) -> TokenVerifier:
    await unloaded.load()
    return unloaded


async def test_a_new_key_is_believed_when_it_is_first_named(
    verifier: TokenVerifier, server: KeyServer, clock: Clock
) -> None:
    server.body = jwks(rsa_key(), ec_key())
    clock.pass_by(URL_ASKED_EVERY_MIN_S)

    assert await is_believed(verifier, ec_key().token())
    assert await is_believed(verifier, rsa_key().token())


async def test_a_key_that_was_taken_out_ends_with_the_next_refresh(verifier: TokenVerifier, server: KeyServer) -> None:
    server.body = jwks(ec_key())

    await verifier.load()

    assert not await is_believed(verifier, rsa_key().token())


async def test_all_who_come_with_a_new_key_wait_for_the_one_answer(
    verifier: TokenVerifier, server: KeyServer, clock: Clock
) -> None:
    server.body = jwks(rsa_key(), ec_key())
    clock.pass_by(URL_ASKED_EVERY_MIN_S)

    believed = await asyncio.gather(*[is_believed(verifier, ec_key().token()) for _ in range(20)])

    assert all(believed)
    assert server.requests == 2  # the first was at the start


async def test_a_flood_of_unknown_keys_asks_the_server_once(
    verifier: TokenVerifier, server: KeyServer, clock: Clock
) -> None:
    clock.pass_by(URL_ASKED_EVERY_MIN_S)
    asked_before = server.requests

    flood = [is_believed(verifier, rsa_key().token(kid=f"unknown-{number}")) for number in range(200)]
    believed = await asyncio.gather(*flood)

    assert not any(believed)
    assert server.requests - asked_before == 1


async def test_the_server_is_not_asked_again_within_its_time(
    verifier: TokenVerifier, server: KeyServer, clock: Clock
) -> None:
    server.body = jwks(ec_key())
    clock.pass_by(URL_ASKED_EVERY_MIN_S - 0.001)

    assert not await is_believed(verifier, ec_key().token())
    assert server.requests == 1


async def test_a_known_key_is_verified_without_asking(verifier: TokenVerifier, server: KeyServer, clock: Clock) -> None:
    clock.pass_by(3600)

    assert await is_believed(verifier, rsa_key().token())
    assert server.requests == 1


async def test_a_server_that_is_away_keeps_the_keys(verifier: TokenVerifier, server: KeyServer, clock: Clock) -> None:
    await server.close()
    clock.pass_by(URL_ASKED_EVERY_MIN_S)

    assert not await is_believed(verifier, ec_key().token())
    assert await is_believed(verifier, rsa_key().token())


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        pytest.param(b"HTTP/1.1 500 No", [], b"", id="a failure"),
        pytest.param(b"HTTP/1.1 302 Found", [b"Location: /elsewhere"], b"", id="a redirection"),
        pytest.param(b"HTTP/1.1 304 Not Modified", [], b"", id="not modified"),
        pytest.param(OK, [], b"<html>", id="a page"),
        pytest.param(OK, [], b" " * JWKS_BYTES_MAX + jwks(ec_key()), id="too large"),
        pytest.param(OK, [b"Content-Encoding: gzip"], gzip.compress(jwks(ec_key())), id="packed, unasked"),
        pytest.param(b"nonsense", [], b"", id="no HTTP"),
    ],
)
async def test_an_answer_that_is_no_jwks_keeps_the_keys(
    verifier: TokenVerifier, server: KeyServer, clock: Clock, status: bytes, headers: list[bytes], body: bytes
) -> None:
    server.status, server.headers, server.body = status, headers, body
    clock.pass_by(URL_ASKED_EVERY_MIN_S)

    assert not await is_believed(verifier, ec_key().token())
    assert await is_believed(verifier, rsa_key().token())
    assert server.requests == 2  # a redirection is not followed


async def test_a_server_that_does_not_answer_holds_up_nobody_with_a_known_key(
    verifier: TokenVerifier, server: KeyServer, clock: Clock
) -> None:
    server.answers.clear()
    clock.pass_by(URL_ASKED_EVERY_MIN_S)
    waiting = asyncio.create_task(verifier.verify(ec_key().token()))

    async def asked() -> bool:
        return server.requests == 2

    await eventually(asked)
    assert await is_believed(verifier, rsa_key().token())

    assert not waiting.done()
    with pytest.raises(TokenError):
        await asyncio.wait_for(waiting, FETCH_TIMEOUT_S + 2)


async def test_a_server_that_is_away_at_start_is_waited_for(unloaded: TokenVerifier, server: KeyServer) -> None:
    await server.close()

    with pytest.raises(DependencyError, match="LOTWISE_JWT_JWKS_URL"):
        await unloaded.load()


async def test_a_failure_does_not_tell_the_credentials_of_the_url(server: KeyServer) -> None:
    server.status = b"HTTP/1.1 401 No"
    url = server.url.replace("127.0.0.1", "reader:secret-of-the-url@127.0.0.1")

    with pytest.raises(DependencyError) as refused:
        await TokenVerifier(TokenSettings(jwt_jwks_url=SecretStr(url))).load()

    assert "secret-of-the-url" not in str(refused.value)
