"""Tokens: what is believed, and every attack on an HMAC-signed token that we know."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from shared.tokens import TOKEN_BYTES_MAX, Claims, TokenError, TokenSettings, bearer_token, issue_token, verify_token

SECRET = "a-secret-of-the-tests-and-of-nothing-else"
DAY_S = 86_400


@pytest.fixture
def settings() -> TokenSettings:
    return TokenSettings(jwt_secret=SecretStr(SECRET))


def claims(**changed: object) -> dict[str, Any]:
    now = int(time.time())
    good = {"sub": "owner-1", "role": "owner", "iss": "lotwise", "aud": "lotwise", "iat": now, "exp": now + 3600}
    return good | changed


def signed(payload: dict[str, Any], *, secret: str = SECRET, algorithm: str = "HS256", **headers: object) -> str:
    return jwt.encode(payload, secret, algorithm=algorithm, headers=headers or None)


def by_hand(header: dict[str, Any], payload: dict[str, Any], *, secret: str | None) -> str:
    """A token as an attacker forges it: PyJWT itself refuses to make some of these."""
    text = ".".join(_encode(json.dumps(part).encode()) for part in (header, payload))
    if secret is None:
        return f"{text}."
    return f"{text}.{_encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("role", ["owner", "user"])
def test_an_issued_token_is_believed(settings: TokenSettings, role: Any) -> None:
    token = issue_token(settings, user="u-17", role=role, lifetime_s=60)

    assert verify_token(settings, token) == Claims("u-17", role)


def test_a_token_made_elsewhere_with_our_secret_is_believed(settings: TokenSettings) -> None:
    assert verify_token(settings, signed(claims())) == Claims("owner-1", "owner")


def test_a_token_for_us_among_others_is_believed(settings: TokenSettings) -> None:
    assert verify_token(settings, signed(claims(aud=["reports", "lotwise"]))) == Claims("owner-1", "owner")


def test_an_issuer_whose_clock_is_a_little_ahead_is_believed(settings: TokenSettings) -> None:
    assert verify_token(settings, signed(claims(iat=int(time.time()) + 20))).user == "owner-1"


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
def test_a_signed_token_with_a_wrong_claim_is_refused(settings: TokenSettings, changed: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, by_hand({"alg": "HS256", "typ": "JWT"}, claims(**changed), secret=SECRET))


@pytest.mark.parametrize(
    ("claim", "offset_s"),
    [
        pytest.param("exp", -1, id="ended"),
        pytest.param("nbf", 60, id="not yet valid"),
        pytest.param("iat", 120, id="issued in the future"),
        pytest.param("exp", DAY_S + 60, id="lives too long"),
    ],
)
def test_a_signed_token_of_another_time_is_refused(settings: TokenSettings, claim: str, offset_s: int) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, signed(claims(**{claim: int(time.time()) + offset_s})))


@pytest.mark.parametrize("missing", ["sub", "role", "iss", "aud", "exp", "iat"])
def test_a_token_without_a_claim_is_refused(settings: TokenSettings, missing: str) -> None:
    payload = claims()
    del payload[missing]

    with pytest.raises(TokenError):
        verify_token(settings, signed(payload))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_is_refused(settings: TokenSettings, algorithm: str) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, by_hand({"alg": algorithm, "typ": "JWT"}, claims(), secret=None))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_our_secret_serves_one_algorithm_only(settings: TokenSettings, algorithm: str) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, signed(claims(), algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "none", "hs256"])
def test_an_algorithm_of_the_tokens_own_choice_is_refused(settings: TokenSettings, algorithm: str) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, by_hand({"alg": algorithm, "typ": "JWT"}, claims(), secret=SECRET))


def test_a_token_of_another_secret_is_refused(settings: TokenSettings) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, signed(claims(), secret="another-secret-that-is-long-enough"))


def test_a_key_inside_the_token_is_not_used(settings: TokenSettings) -> None:
    theirs = "a-key-that-the-attacker-chose-for-us"
    jwk = {"kty": "oct", "k": _encode(theirs.encode()), "alg": "HS256"}

    with pytest.raises(TokenError):
        verify_token(settings, by_hand({"alg": "HS256", "jwk": jwk, "kid": "../../dev/null"}, claims(), secret=theirs))


def test_the_secrets_jwk_is_not_the_secret(settings: TokenSettings) -> None:
    jwk = json.dumps({"kty": "oct", "k": _encode(SECRET.encode())})

    with pytest.raises(TokenError):
        verify_token(settings, by_hand({"alg": "HS256"}, claims(), secret=jwk))


def test_a_changed_payload_is_refused(settings: TokenSettings) -> None:
    header, _, signature = signed(claims(role="user")).split(".")
    forged = _encode(json.dumps(claims(role="owner")).encode())

    with pytest.raises(TokenError):
        verify_token(settings, f"{header}.{forged}.{signature}")


def test_a_token_that_is_too_long_is_refused_though_it_is_signed(settings: TokenSettings) -> None:
    token = signed(claims(padding="x" * TOKEN_BYTES_MAX))

    with pytest.raises(TokenError, match="too long"):
        verify_token(settings, token)


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b.c", "é.é.é", "\x00", "eyJ9.e30.", "e30.e30.e30"])
def test_what_is_no_token_is_refused(settings: TokenSettings, token: str) -> None:
    with pytest.raises(TokenError):
        verify_token(settings, token)


def test_a_refusal_says_nothing_of_the_token(settings: TokenSettings) -> None:
    token = signed(claims(iss="somebody-in-particular"))

    with pytest.raises(TokenError) as refusal:
        verify_token(settings, token)

    assert "somebody-in-particular" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_token_that_would_not_be_believed_is_not_issued(settings: TokenSettings) -> None:
    with pytest.raises(ValueError, match="86400"):
        issue_token(settings, user="owner-1", role="owner", lifetime_s=DAY_S + 1)
    with pytest.raises(ValueError, match="sub"):
        issue_token(settings, user=" ", role="owner", lifetime_s=60)


def test_a_token_can_be_issued_that_has_ended_already(settings: TokenSettings) -> None:
    token = issue_token(settings, user="owner-1", role="owner", lifetime_s=-1)

    with pytest.raises(TokenError, match="Expired"):
        verify_token(settings, token)


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
