"""Tokens verified by public keys: what is believed, and every attack on such a token that we know."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from shared.tokens import TOKEN_BYTES_MAX, TokenError, TokenSettings, TokenVerifier
from tests.unit.tokens.forgery import SigningKey, by_hand, claims, ec_key, encoded, jwks, rsa_key, signed

KEYS = [pytest.param(rsa_key(), id="RS256"), pytest.param(ec_key(), id="ES256")]


@pytest.fixture
async def verifier(tmp_path: Path) -> TokenVerifier:
    """Trusts one RSA and one P-256 key, by their file."""
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(rsa_key(), ec_key()))
    made = TokenVerifier(TokenSettings(jwt_jwks_file=file))
    await made.load()
    return made


async def refuse(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(token)


@pytest.mark.parametrize("key", KEYS)
async def test_a_token_of_a_published_key_is_believed(verifier: TokenVerifier, key: SigningKey) -> None:
    assert (await verifier.verify(key.token())).user == "owner-1"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
async def test_an_unsigned_token_is_refused(verifier: TokenVerifier, algorithm: str) -> None:
    await refuse(verifier, by_hand({"alg": algorithm, "kid": "rsa-1"}, claims(), secret=None))


@pytest.mark.parametrize("key", KEYS)
async def test_the_public_key_as_pem_is_no_secret(verifier: TokenVerifier, key: SigningKey) -> None:
    await refuse(verifier, by_hand({"alg": "HS256", "kid": key.kid}, claims(), secret=key.pem))


@pytest.mark.parametrize("key", KEYS)
async def test_the_public_key_as_jwk_is_no_secret(verifier: TokenVerifier, key: SigningKey) -> None:
    await refuse(verifier, by_hand({"alg": "HS256", "kid": key.kid}, claims(), secret=json.dumps(key.jwk())))


async def test_a_key_inside_the_token_is_not_used(verifier: TokenVerifier) -> None:
    theirs = rsa_key("rsa-1", bits=3072)

    await refuse(verifier, theirs.token(jwk=theirs.jwk()))


@pytest.mark.parametrize("header", ["jku", "x5u"])
async def test_a_url_inside_the_token_is_not_asked(verifier: TokenVerifier, header: str) -> None:
    """The sockets that unit tests forbid would turn an attempt into another error."""
    named: dict[str, Any] = {header: "http://127.0.0.1:1/jwks.json"}

    await refuse(verifier, rsa_key("theirs").token(**named))


async def test_a_certificate_inside_the_token_is_not_used(verifier: TokenVerifier) -> None:
    await refuse(verifier, rsa_key("rsa-1", bits=3072).token(x5c=[encoded(b"theirs")]))


async def test_a_token_of_an_unknown_kid_is_refused(verifier: TokenVerifier) -> None:
    await refuse(verifier, rsa_key().token(kid="rsa-9"))


async def test_a_token_without_a_kid_is_refused(verifier: TokenVerifier) -> None:
    await refuse(verifier, rsa_key().token(kid=None))


@pytest.mark.parametrize("kid", [1, ["rsa-1"], {"kid": "rsa-1"}, None, ""])
async def test_a_kid_that_is_no_text_is_refused(verifier: TokenVerifier, kid: Any) -> None:
    header, _, rest = rsa_key().token().partition(".")
    forged = encoded(json.dumps({"alg": "RS256", "kid": kid}).encode())

    assert header != forged
    await refuse(verifier, f"{forged}.{rest}")


async def test_the_kid_of_a_key_of_another_kind_is_refused(verifier: TokenVerifier) -> None:
    await refuse(verifier, rsa_key().token(kid="ec-1"))
    await refuse(verifier, ec_key().token(kid="rsa-1"))


async def test_a_token_of_somebody_elses_key_under_our_kid_is_refused(verifier: TokenVerifier) -> None:
    await refuse(verifier, rsa_key("rsa-1", bits=3072).token())


async def test_a_key_serves_its_one_algorithm_only(verifier: TokenVerifier) -> None:
    for algorithm in ("RS384", "RS512", "PS256"):
        await refuse(verifier, jwt.encode(claims(), rsa_key().private, algorithm=algorithm, headers={"kid": "rsa-1"}))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda _: {"aud": "reports"}, id="for another audience"),
        pytest.param(lambda _: {"aud": ["reports", "bots"]}, id="for others"),
        pytest.param(lambda _: {"iss": "somebody"}, id="of another issuer"),
        pytest.param(lambda now: {"exp": now - 1}, id="ended"),
        pytest.param(lambda now: {"nbf": now + 600}, id="not yet valid"),
        pytest.param(lambda now: {"iat": now + 600}, id="issued in the future"),
        pytest.param(lambda now: {"exp": now + 90_000}, id="lives too long"),
        pytest.param(lambda _: {"role": None}, id="role missing"),
        pytest.param(lambda _: {"role": 1}, id="role is a number"),
        pytest.param(lambda _: {"role": ["owner"]}, id="role is a list"),
        pytest.param(lambda _: {"sub": None}, id="user missing"),
        pytest.param(lambda _: {"sub": 17}, id="user is a number"),
        pytest.param(lambda _: {"sub": "a\x00b"}, id="user with a control character"),
        pytest.param(lambda _: {"padding": "x" * TOKEN_BYTES_MAX}, id="huge"),
    ],
)
async def test_a_token_of_a_published_key_with_a_wrong_claim_is_refused(
    verifier: TokenVerifier, changed: Callable[[int], dict[str, Any]]
) -> None:
    payload = {name: value for name, value in claims(**changed(int(time.time()))).items() if value is not None}
    text = f"{encoded(json.dumps({'alg': 'RS256', 'kid': 'rsa-1'}).encode())}.{encoded(json.dumps(payload).encode())}"

    await refuse(verifier, f"{text}.{rsa_key().signature(text)}")


async def test_a_secret_signed_token_is_refused_where_keys_are_public(verifier: TokenVerifier) -> None:
    await refuse(verifier, signed(claims(), kid="rsa-1"))
