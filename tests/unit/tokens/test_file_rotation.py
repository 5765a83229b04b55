"""Keys that change in their file while the process runs. A clock of the test's own stands for the seconds between."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.tokens import TokenSettings, TokenVerifier
from shared.tokens.sources import FILE_LOOKED_AT_EVERY_S, Jwks, file_fetch
from tests.unit.tokens.believing import Clock, is_believed
from tests.unit.tokens.forgery import ec_key, jwks, rsa_key


class KeyFile:
    """A JWKS on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, content: bytes) -> None:
        """Put something else in it."""
        self.path.write_bytes(content)

    def remove(self) -> None:
        """Take it away."""
        self.path.unlink()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    made = KeyFile(tmp_path / "jwks.json")
    made.write(jwks(rsa_key()))
    return made


@pytest.fixture
async def verifier(file: KeyFile, clock: Clock) -> TokenVerifier:
    made = TokenVerifier(TokenSettings(jwt_jwks_file=file.path), clock=clock)
    await made.load()
    return made


async def test_a_key_that_was_added_is_believed_and_so_is_the_old_one(
    verifier: TokenVerifier, file: KeyFile, clock: Clock
) -> None:
    file.write(jwks(rsa_key(), ec_key()))
    clock.pass_by(FILE_LOOKED_AT_EVERY_S)

    assert await is_believed(verifier, ec_key().token())
    assert await is_believed(verifier, rsa_key().token())


async def test_a_key_that_was_taken_out_is_no_longer_believed(
    verifier: TokenVerifier, file: KeyFile, clock: Clock
) -> None:
    file.write(jwks(ec_key()))
    clock.pass_by(FILE_LOOKED_AT_EVERY_S)
    await verifier.verify(ec_key().token())

    assert not await is_believed(verifier, rsa_key().token())


async def test_the_file_is_not_looked_at_again_at_once(verifier: TokenVerifier, file: KeyFile, clock: Clock) -> None:
    file.write(jwks(rsa_key(), ec_key()))
    clock.pass_by(FILE_LOOKED_AT_EVERY_S - 0.001)

    assert not await is_believed(verifier, ec_key().token())


async def test_a_file_that_breaks_keeps_the_keys(verifier: TokenVerifier, file: KeyFile, clock: Clock) -> None:
    file.write(b'{"keys": [')
    clock.pass_by(FILE_LOOKED_AT_EVERY_S)

    assert not await is_believed(verifier, ec_key().token())
    assert await is_believed(verifier, rsa_key().token())


async def test_a_file_that_is_gone_keeps_the_keys_until_it_is_back(
    verifier: TokenVerifier, file: KeyFile, clock: Clock
) -> None:
    file.remove()
    clock.pass_by(FILE_LOOKED_AT_EVERY_S)
    assert not await is_believed(verifier, ec_key().token())
    assert await is_believed(verifier, rsa_key().token())

    file.write(jwks(ec_key()))
    clock.pass_by(FILE_LOOKED_AT_EVERY_S)

    assert await is_believed(verifier, ec_key().token())


async def test_a_file_that_is_as_it_was_is_not_read(file: KeyFile) -> None:
    fetch = file_fetch(file.path)

    assert await fetch() is not None
    assert await fetch() is None


async def test_a_key_that_is_known_costs_no_look_at_the_file(file: KeyFile, clock: Clock) -> None:
    looks = 0
    read = file_fetch(file.path)

    async def counted() -> bytes | None:
        nonlocal looks
        looks += 1
        return await read()

    keys = Jwks(counted, place="file", every_min_s=5, refresh_s=5, clock=clock)
    await keys.refresh()
    clock.pass_by(3600)

    found = await keys.find("rsa-1")

    assert len(found) == 1
    assert looks == 1
