"""Keys that end although no token names an unknown one: what the service does in the background."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dev.waiting import eventually
from shared.tokens import TokenSettings, TokenVerifier
from shared.tokens.sources import FILE_LOOKED_AT_EVERY_S
from tests.unit.tokens.believing import is_believed
from tests.unit.tokens.forgery import ec_key, jwks, rsa_key


async def test_a_key_that_was_taken_out_of_its_file_ends_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    await asyncio.to_thread(file.write_bytes, jwks(rsa_key(), ec_key()))
    verifier = TokenVerifier(TokenSettings(jwt_jwks_file=file))
    await verifier.load()
    keeping = asyncio.create_task(verifier.keep_fresh())

    await asyncio.to_thread(file.write_bytes, jwks(ec_key()))

    async def ended() -> bool:
        return not await is_believed(verifier, rsa_key().token())

    await eventually(ended, timeout_s=FILE_LOOKED_AT_EVERY_S + 5)
    assert await is_believed(verifier, ec_key().token())
    keeping.cancel()
    await asyncio.wait([keeping])
