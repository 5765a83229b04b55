"""Which keys of a JWKS are taken, and which are left out with a word why."""

from __future__ import annotations

from typing import Any

import pytest

from shared.tokens.keys import KeySetError, read_key_set
from tests.unit.tokens.forgery import ec_key, encoded, jwks, rsa_key


def test_rsa_and_p256_keys_are_taken_each_with_its_algorithm() -> None:
    found = read_key_set(jwks(rsa_key(), ec_key()))

    assert {kid: key.algorithm for kid, key in found.keys.items()} == {"rsa-1": "RS256", "ec-1": "ES256"}
    assert found.left_out == ()


def test_a_key_that_says_neither_use_nor_alg_is_taken() -> None:
    assert set(read_key_set(jwks(rsa_key().jwk(use=None, alg=None))).keys) == {"rsa-1"}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        pytest.param({"kty": "oct", "k": encoded(b"x" * 32), "kid": "a"}, "kty", id="a secret"),
        pytest.param({"kty": "OKP", "crv": "Ed25519", "x": encoded(b"x" * 32), "kid": "a"}, "kty", id="Ed25519"),
        pytest.param(rsa_key().private_jwk(), "private", id="private RSA"),
        pytest.param(ec_key().private_jwk(), "private", id="private EC"),
        pytest.param(rsa_key().jwk(alg="PS256"), "alg", id="another RSA algorithm"),
        pytest.param(rsa_key().jwk(alg="HS256"), "alg", id="an HMAC algorithm"),
        pytest.param(rsa_key().jwk(alg="ES256"), "alg", id="the algorithm of another kind"),
        pytest.param(rsa_key().jwk(alg=["RS256"]), "alg", id="several algorithms"),
        pytest.param(rsa_key().jwk(use="enc"), "signatures", id="for encryption"),
        pytest.param(rsa_key().jwk(key_ops=["encrypt"]), "signatures", id="operations without verify"),
        pytest.param(rsa_key().jwk(key_ops=5), "signatures", id="operations that are none"),
        pytest.param(rsa_key().jwk(kid=None), "kid", id="no name"),
        pytest.param(rsa_key().jwk(kid=7), "kid", id="a number for a name"),
        pytest.param(rsa_key().jwk(kid="k" * 257), "kid", id="a long name"),
        pytest.param(rsa_key("small", bits=1024).jwk(), "2048", id="1024 bits"),
        pytest.param(ec_key().jwk(crv="P-384"), "P-256", id="another curve"),
        pytest.param(ec_key().jwk(y=encoded(b"\1" * 32)), "cannot be read", id="a point off the curve"),
        pytest.param(rsa_key().jwk(n=5), "cannot be read", id="a number for a modulus"),
        pytest.param(rsa_key().jwk(n=None), "cannot be read", id="no modulus"),
        pytest.param("rsa-1", "no object", id="no object"),
    ],
)
def test_a_key_that_is_not_to_be_used_is_left_out_and_the_others_serve(document: Any, why: str) -> None:
    found = read_key_set(jwks(rsa_key("good"), document))

    assert set(found.keys) == {"good"}
    (reason,) = found.left_out
    assert why in reason


def test_two_keys_of_one_name_are_both_left_out() -> None:
    found = read_key_set(jwks(rsa_key(), rsa_key("rsa-1", bits=3072), ec_key()))

    assert set(found.keys) == {"ec-1"}
    assert found.left_out == ("2 keys have the kid 'rsa-1'",)


def test_a_set_without_keys_is_one() -> None:
    assert read_key_set(b'{"keys": []}').keys == {}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"keys": {}}', b"\xff", b"[" * 60_000, b'{"key": []}'])
def test_what_is_no_jwks_is_refused(text: bytes) -> None:
    with pytest.raises(KeySetError):
        read_key_set(text)


def test_why_keys_were_left_out_tells_nothing_of_them() -> None:
    secret = encoded(b"a symmetric key of somebody's")

    found = read_key_set(jwks({"kty": "oct", "k": secret, "kid": "a"}, rsa_key().private_jwk()))

    assert secret not in str(found)
    assert rsa_key().private_jwk()["d"] not in str(found)
