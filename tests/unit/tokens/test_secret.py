"""Tokens: what is believed, and every attack on an HMAC-signed token that we know."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from shared.tokens import TOKEN_BYTES_MAX, TokenError, TokenSettings, TokenVerifier, bearer_token, issue_token
from tests.unit.tokens.forgery import SECRET, by_hand, claims, encoded, signed

NEW_SECRET = "the-secret-that-came-after-the-other-one"
DAY_S = 86_400


@pytest.fixture
def settings() -> TokenSettings:
    return TokenSettings(jwt_secret=SecretStr(SECRET))


@pytest.fixture
def verifier(settings: TokenSettings) -> TokenVerifier:
    return TokenVerifier(settings)


@pytest.mark.parametrize("role", ["owner", "user"])
async def test_an_issued_token_is_believed(settings: TokenSettings, verifier: TokenVerifier, role: Any) -> None:
    token = issue_token(settings, user="u-17", role=role, lifetime_s=60)

    believed = await verifier.verify(token)

    assert (believed.user, believed.role) == ("u-17", role)


async def test_a_token_made_elsewhere_with_our_secret_is_believed(verifier: TokenVerifier) -> None:
    believed = await verifier.verify(signed(claims()))

    assert (believed.user, believed.role) == ("owner-1", "owner")


async def test_a_believed_token_tells_when_it_ends(verifier: TokenVerifier) -> None:
    ends = int(time.time()) + 90

    believed = await verifier.verify(signed(claims(exp=ends)))

    assert believed.expires_at == datetime.fromtimestamp(ends, UTC)


async def test_a_token_for_us_among_others_is_believed(verifier: TokenVerifier) -> None:
    assert (await verifier.verify(signed(claims(aud=["reports", "lotwise"])))).user == "owner-1"


async def test_an_issuer_whose_clock_is_a_little_ahead_is_believed(verifier: TokenVerifier) -> None:
    assert (await verifier.verify(signed(claims(iat=int(time.time()) + 20)))).user == "owner-1"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"aud": "reports"}, id="for another audience"),
        pytest.param({"aud": ["reports"]}, id="for other audiences"),
        pytest.param({"iss": "somebody"}, id="of another issuer"),
        pytest.param({"exp": float("inf")}, id="lives for ever"),
        pytest.param({"iat": float("nan")}, id="lifetime is no number"),
        pytest.param({"exp": "tomorrow"}, id="end is no time"),
        pytest.param({"exp": [1]}, id="end is a list"),
        pytest.param({"role": "admin"}, id="unknown role"),
        pytest.param({"role": ["owner"]}, id="a list of roles"),
        pytest.param({"role": "Owner"}, id="role in other letters"),
        pytest.param({"sub": ""}, id="empty user"),
        pytest.param({"sub": 17}, id="user is a number"),
        pytest.param({"sub": "a\nb"}, id="user with a control character"),
        pytest.param({"sub": "u" * 129}, id="user too long"),
    ],
)
async def test_a_signed_token_with_a_wrong_claim_is_refused(verifier: TokenVerifier, changed: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(by_hand({"alg": "HS256", "typ": "JWT"}, claims(**changed), secret=SECRET))


@pytest.mark.parametrize(
    ("claim", "offset_s"),
    [
        pytest.param("exp", -1, id="ended"),
        pytest.param("nbf", 60, id="not yet valid"),
        pytest.param("iat", 120, id="issued in the future"),
        pytest.param("exp", DAY_S + 60, id="lives too long"),
    ],
)
async def test_a_signed_token_of_another_time_is_refused(verifier: TokenVerifier, claim: str, offset_s: int) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(signed(claims(**{claim: int(time.time()) + offset_s})))


@pytest.mark.parametrize("missing", ["sub", "role", "iss", "aud", "exp", "iat"])
async def test_a_token_without_a_claim_is_refused(verifier: TokenVerifier, missing: str) -> None:
    payload = claims()
    del payload[missing]

    with pytest.raises(TokenError):
        await verifier.verify(signed(payload))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
async def test_an_unsigned_token_is_refused(verifier: TokenVerifier, algorithm: str) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(by_hand({"alg": algorithm, "typ": "JWT"}, claims(), secret=None))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_our_secret_serves_one_algorithm_only(verifier: TokenVerifier, algorithm: str) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(signed(claims(), algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "none", "hs256"])
async def test_an_algorithm_of_the_tokens_own_choice_is_refused(verifier: TokenVerifier, algorithm: str) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(by_hand({"alg": algorithm, "typ": "JWT"}, claims(), secret=SECRET))


async def test_a_token_of_another_secret_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(signed(claims(), secret="another-secret-that-is-long-enough"))


async def test_a_key_inside_the_token_is_not_used(verifier: TokenVerifier) -> None:
    theirs = "a-key-that-the-attacker-chose-for-us"
    jwk = {"kty": "oct", "k": encoded(theirs.encode()), "alg": "HS256"}

    with pytest.raises(TokenError):
        await verifier.verify(by_hand({"alg": "HS256", "jwk": jwk, "kid": "../../dev/null"}, claims(), secret=theirs))


async def test_the_secrets_jwk_is_not_the_secret(verifier: TokenVerifier) -> None:
    jwk = json.dumps({"kty": "oct", "k": encoded(SECRET.encode())})

    with pytest.raises(TokenError):
        await verifier.verify(by_hand({"alg": "HS256"}, claims(), secret=jwk))


async def test_a_changed_payload_is_refused(verifier: TokenVerifier) -> None:
    header, _, signature = signed(claims(role="user")).split(".")
    forged = encoded(json.dumps(claims(role="owner")).encode())

    with pytest.raises(TokenError):
        await verifier.verify(f"{header}.{forged}.{signature}")


async def test_a_token_that_is_too_long_is_refused_though_it_is_signed(verifier: TokenVerifier) -> None:
    token = signed(claims(padding="x" * TOKEN_BYTES_MAX))

    with pytest.raises(TokenError, match="too long"):
        await verifier.verify(token)


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"crit": []}, {"b64": True}])
async def test_a_token_that_asks_for_an_extension_is_refused(verifier: TokenVerifier, header: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(by_hand({"alg": "HS256", **header}, claims(), secret=SECRET))


async def test_the_new_secret_and_the_one_before_are_both_believed() -> None:
    rotated = TokenVerifier(TokenSettings(jwt_secret=SecretStr(NEW_SECRET), jwt_secret_previous=SecretStr(SECRET)))

    believed = [await rotated.verify(signed(claims(), secret=secret)) for secret in (NEW_SECRET, SECRET)]

    assert [each.user for each in believed] == ["owner-1", "owner-1"]


async def test_a_secret_that_was_taken_out_is_no_longer_believed() -> None:
    rotated = TokenVerifier(TokenSettings(jwt_secret=SecretStr(NEW_SECRET)))

    with pytest.raises(TokenError):
        await rotated.verify(signed(claims(), secret=SECRET))


async def test_a_token_is_issued_with_the_new_secret() -> None:
    rotating = TokenSettings(jwt_secret=SecretStr(NEW_SECRET), jwt_secret_previous=SecretStr(SECRET))
    after = TokenVerifier(TokenSettings(jwt_secret=SecretStr(NEW_SECRET)))

    token = issue_token(rotating, user="owner-1", role="owner", lifetime_s=60)

    assert (await after.verify(token)).user == "owner-1"


async def test_a_token_of_the_secret_before_ends_as_any_other() -> None:
    rotated = TokenVerifier(TokenSettings(jwt_secret=SecretStr(NEW_SECRET), jwt_secret_previous=SecretStr(SECRET)))

    with pytest.raises(TokenError, match="Expired"):
        await rotated.verify(signed(claims(exp=int(time.time()) - 1), secret=SECRET))


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b.c", "é.é.é", "\x00", "eyJ9.e30.", "e30.e30.e30"])
async def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(TokenError):
        await verifier.verify(token)


async def test_a_refusal_says_nothing_of_the_token(verifier: TokenVerifier) -> None:
    token = signed(claims(iss="somebody-in-particular"))

    with pytest.raises(TokenError) as refusal:
        await verifier.verify(token)

    assert "somebody-in-particular" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_token_that_would_not_be_believed_is_not_issued(settings: TokenSettings) -> None:
    with pytest.raises(ValueError, match="86400"):
        issue_token(settings, user="owner-1", role="owner", lifetime_s=DAY_S + 1)
    with pytest.raises(ValueError, match="sub"):
        issue_token(settings, user=" ", role="owner", lifetime_s=60)


async def test_a_token_can_be_issued_that_has_ended_already(settings: TokenSettings, verifier: TokenVerifier) -> None:
    token = issue_token(settings, user="owner-1", role="owner", lifetime_s=-1)

    with pytest.raises(TokenError, match="Expired"):
        await verifier.verify(token)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_token_is_read_from_a_bearer_header_only(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        TokenSettings(jwt_secret=SecretStr("x" * 31))
