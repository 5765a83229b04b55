"""Which keys may be set together, and what is said where they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import DeploymentError
from shared.settings import load
from shared.tokens import TokenSettings, TokenVerifier, issue_token
from tests.unit.tokens.forgery import SECRET

SECRET_NAME, PREVIOUS = "LOTWISE_JWT_SECRET", "LOTWISE_JWT_SECRET_PREVIOUS"
FILE, URL = "LOTWISE_JWT_JWKS_FILE", "LOTWISE_JWT_JWKS_URL"
ADDRESS = "https://login.example/jwks.json"
CHOICE = f"set exactly one of {SECRET_NAME}, {FILE} and {URL}"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SECRET_NAME, PREVIOUS, FILE, URL):
        monkeypatch.delenv(name, raising=False)


def refusal(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> str:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DeploymentError) as raised:
        load(TokenSettings)
    return str(raised.value)


def test_no_key_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, {}) == f"{CHOICE}; none is set"


@pytest.mark.parametrize(
    "given", [{SECRET_NAME: SECRET, FILE: "/jwks"}, {SECRET_NAME: SECRET, URL: ADDRESS}, {FILE: "/jwks", URL: ADDRESS}]
)
def test_two_kinds_of_keys_are_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    assert refusal(monkeypatch, given) == f"{CHOICE}; several are set"


def test_a_previous_secret_serves_beside_a_secret_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PREVIOUS in refusal(monkeypatch, {PREVIOUS: SECRET, FILE: "/jwks"})


@pytest.mark.parametrize("name", [SECRET_NAME, PREVIOUS])
def test_a_short_secret_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = refusal(monkeypatch, {SECRET_NAME: SECRET, name: "x" * 31})

    assert text.startswith(f"{name}: must have at least 32 characters")


@pytest.mark.parametrize("url", ["http://login.example/jwks", "http://10.0.0.7/jwks", "http://localhost.example/jwks"])
def test_keys_from_another_host_come_encrypted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert refusal(monkeypatch, {URL: url}).startswith(f"{URL}: must be https://")


@pytest.mark.parametrize("url", [ADDRESS, "http://127.0.0.1:9/jwks", "http://localhost:9/jwks", "http://[::1]:9/jwks"])
def test_keys_may_come_from_an_encrypted_or_a_near_place(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(URL, url)

    loaded = load(TokenSettings).jwt_jwks_url

    assert loaded is not None
    assert loaded.get_secret_value() == url


def test_no_token_is_issued_where_the_keys_are_public(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="LOTWISE_JWT_SECRET: is not set"):
        issue_token(TokenSettings(jwt_jwks_file=tmp_path), user="owner-1", role="owner", lifetime_s=60)


async def test_a_file_that_is_not_there_stops_the_process_by_its_name(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    with pytest.raises(DeploymentError, match=f"{FILE}: {absent} cannot be read: No such file"):
        await TokenVerifier(TokenSettings(jwt_jwks_file=absent)).load()


@pytest.mark.parametrize("content", [b"{", b'{"keys": []}', b" " * 70_000])
async def test_a_file_that_gives_no_key_stops_the_process_by_its_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(content)

    with pytest.raises(DeploymentError, match=FILE):
        await TokenVerifier(TokenSettings(jwt_jwks_file=file)).load()
