"""Forged tokens at both doors of the config service, which verifies by public keys here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from services.config_service.changes import Changes
from services.config_service.handler import CommandHandler
from services.config_service.http.app import config_app
from services.config_service.http.configuration import configuration_routes
from shared.messaging.outcomes import Ack
from shared.schemas.config import ConfigCommand
from shared.tokens import TokenSettings, TokenVerifier
from tests.application import throttle
from tests.unit.config_service.configurations import command
from tests.unit.config_service.test_handler import answer, delivery, outcome_of
from tests.unit.tokens.forgery import SigningKey, by_hand, claims, ec_key, jwks, rsa_key

CONFIG = "/api/v1/risk/config"
OUT_OF_RANGE = "51"
"""A percent that is refused without asking the database, once the token has been believed."""

FORGED = [
    pytest.param(by_hand({"alg": "none", "kid": "rsa-1"}, claims(), secret=None), id="unsigned"),
    pytest.param(by_hand({"alg": "HS256", "kid": "rsa-1"}, claims(), secret=rsa_key().pem), id="HMAC of the PEM"),
    pytest.param(
        by_hand({"alg": "HS256", "kid": "rsa-1"}, claims(), secret=json.dumps(rsa_key().jwk())), id="HMAC of the JWK"
    ),
    pytest.param(rsa_key("rsa-1", bits=3072).token(jwk=rsa_key("rsa-1", bits=3072).jwk()), id="its own key"),
    pytest.param(rsa_key().token(kid="rsa-9"), id="unknown kid"),
    pytest.param(rsa_key().token(kid=None), id="no kid"),
    pytest.param(ec_key().token(kid="rsa-1"), id="kid of another kind"),
    pytest.param(rsa_key().token(claims(aud="reports")), id="wrong audience"),
    pytest.param(rsa_key().token(claims(iss="somebody")), id="wrong issuer"),
    pytest.param(rsa_key().token(claims(exp=1)), id="ended"),
    pytest.param(rsa_key().token({k: v for k, v in claims().items() if k != "role"}), id="role missing"),
    pytest.param(rsa_key().token(claims(padding="x" * 4096)), id="huge"),
]


@pytest.fixture
async def changes() -> AsyncIterator[Changes]:
    """Whose database cannot be reached."""
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    yield Changes(engine, command_s=30, timeout_s=5)
    await engine.dispose()


@pytest.fixture
async def verifier(tmp_path: Path) -> TokenVerifier:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(rsa_key(), ec_key()))
    made = TokenVerifier(TokenSettings(jwt_jwks_file=file))
    await made.load()
    return made


@pytest.fixture
async def client(changes: Changes, verifier: TokenVerifier) -> AsyncIterator[httpx.AsyncClient]:
    app = config_app(configuration_routes(changes), tokens=verifier, throttle=throttle())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://config") as made:
        yield made


async def turn(client: httpx.AsyncClient, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await client.post(CONFIG, json={"new_risk_percent": OUT_OF_RANGE, "reason": "x"}, headers=headers)


@pytest.mark.parametrize("token", FORGED)
async def test_a_forged_token_is_refused_over_http(client: httpx.AsyncClient, token: str) -> None:
    response = await turn(client, token)

    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("key", [rsa_key(), ec_key()], ids=["RS256", "ES256"])
async def test_a_token_of_a_published_key_is_believed_over_http(client: httpx.AsyncClient, key: SigningKey) -> None:
    response = await turn(client, key.token())

    assert (response.status_code, response.json()["code"]) == (422, "out_of_range")


@pytest.mark.parametrize("token", FORGED)
async def test_a_forged_token_is_refused_by_message(changes: Changes, verifier: TokenVerifier, token: str) -> None:
    handler = CommandHandler(changes, tokens=verifier)

    outcome = await outcome_of(handler, delivery(authorization=f"Bearer {token}"))

    assert isinstance(outcome, Ack)
    assert [reason.code for reason in answer(outcome).reasons] == ["unauthorized"]


async def test_a_token_of_a_published_key_is_believed_by_message(changes: Changes, verifier: TokenVerifier) -> None:
    handler = CommandHandler(changes, tokens=verifier)
    given = ConfigCommand(command(new_risk_percent=OUT_OF_RANGE))

    outcome = await outcome_of(handler, delivery(given, authorization=f"Bearer {rsa_key().token()}"))

    assert [reason.code for reason in answer(outcome).reasons] == ["out_of_range"]
