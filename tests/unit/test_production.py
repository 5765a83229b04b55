"""What a production environment refuses to start with, each by its variable, and what it takes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.errors import DeploymentError
from shared.production import is_loopback, is_weak
from shared.settings import PREFIX, AmqpUrl, DatabaseUrl, HttpUrl, Settings, load
from shared.tokens import TokenSettings

STRONG = "kX2vR8mT5qLw9ZbN"
AMQP = f"amqps://worker:{STRONG}@broker.example/lotwise"
DATABASE = f"postgresql://worker:{STRONG}@db.example/lotwise?sslmode=verify-full"


class Example(Settings):
    amqp_url: AmqpUrl = SecretStr(AMQP)
    database_url: DatabaseUrl = SecretStr(DATABASE)
    rabbitmq_api_url: HttpUrl | None = None
    jwt_secret: SecretStr | None = None


@pytest.fixture(autouse=True)
def _production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOTWISE_ENVIRONMENT", "production")


def faults(monkeypatch: pytest.MonkeyPatch, **given: str) -> list[str]:
    """The sentences of the refusal; none where it starts."""
    for name, value in given.items():
        monkeypatch.setenv(f"LOTWISE_{name}", value)
    try:
        load(Example)
    except DeploymentError as error:
        return str(error).split("; LOTWISE_")
    return []


@pytest.mark.parametrize(
    "url",
    [
        AMQP,
        f"amqps://worker:{STRONG}@broker.example/lotwise?heartbeat=5",
        f"amqps://worker:{STRONG}@broker.example/lotwise?no_verify_ssl=0",
        f"amqp://worker:{STRONG}@127.0.0.1/lotwise",
        f"amqp://worker:{STRONG}@localhost:5672/lotwise",
        f"amqp://worker:{STRONG}@[::1]/lotwise",
    ],
)
def test_a_broker_that_is_near_or_encrypted_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert faults(monkeypatch, AMQP_URL=url) == []


@pytest.mark.parametrize("host", ["broker", "10.0.0.7", "localhost.example", "127.0.0.1.example", "[fe80::1]"])
def test_plain_amqp_to_another_host_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    (fault,) = faults(monkeypatch, AMQP_URL=f"amqp://worker:{STRONG}@{host}/lotwise")

    assert fault.startswith("LOTWISE_AMQP_URL: is not encrypted")
    assert "amqps://" in fault


@pytest.mark.parametrize(
    "query", ["no_verify_ssl=1", "no_verify_ssl=true", "no_verify_ssl=", "no_verify_ssl=0&no_verify_ssl=1"]
)
def test_a_broker_that_is_not_verified_is_refused(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    (fault,) = faults(monkeypatch, AMQP_URL=f"{AMQP}?{query}")

    assert fault == "LOTWISE_AMQP_URL: does not verify the broker's certificate; remove no_verify_ssl"


@pytest.mark.parametrize("credentials", ["", "guest@", "worker@", "guest:guest@", "worker:changeme@"])
def test_a_broker_without_a_good_password_is_refused(monkeypatch: pytest.MonkeyPatch, credentials: str) -> None:
    (fault,) = faults(monkeypatch, AMQP_URL=f"amqps://{credentials}broker.example/lotwise")

    assert fault.startswith("LOTWISE_AMQP_URL: its password is too easily guessed")


@pytest.mark.parametrize(
    "url",
    [
        DATABASE,
        f"postgresql://worker:{STRONG}@127.0.0.1/lotwise",
        f"postgresql://worker:{STRONG}@[::1]:5432/lotwise",
        "postgresql:///lotwise?host=/run/postgresql",
        "postgresql:///lotwise",
        "postgresql://worker@db.example/lotwise?sslmode=verify-full",
    ],
)
def test_a_database_that_is_near_or_verified_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert faults(monkeypatch, DATABASE_URL=url) == []


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", None])
def test_a_database_on_another_host_that_is_not_verified_is_refused(
    monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    query = f"?sslmode={mode}" if mode else ""

    (fault,) = faults(monkeypatch, DATABASE_URL=f"postgresql://worker:{STRONG}@db.example/lotwise{query}")

    assert fault.startswith("LOTWISE_DATABASE_URL: does not verify the database's certificate; add sslmode=verify-full")


def test_a_host_that_stands_among_the_parameters_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, DATABASE_URL=f"postgresql://worker:{STRONG}@/lotwise?host=db.example:5432")

    assert fault.startswith("LOTWISE_DATABASE_URL: does not verify")


@pytest.mark.parametrize("url", ["postgresql://w:postgres@127.0.0.1/x", "postgresql://127.0.0.1/x?password=postgres"])
def test_a_database_password_that_is_guessed_first_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    (fault,) = faults(monkeypatch, DATABASE_URL=url)

    assert fault.startswith("LOTWISE_DATABASE_URL: its password is too easily guessed")


def test_a_management_api_by_plain_http_on_another_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, RABBITMQ_API_URL=f"http://operator:{STRONG}@broker.example:15672")

    assert fault.startswith("LOTWISE_RABBITMQ_API_URL: is not encrypted")


def test_keys_by_plain_http_are_refused_even_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOTWISE_JWT_JWKS_URL", "http://127.0.0.1:9/jwks.json")

    with pytest.raises(DeploymentError, match="LOTWISE_JWT_JWKS_URL: is not encrypted"):
        load(TokenSettings)


def test_every_fault_is_named_at_once_and_no_secret_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    told = faults(
        monkeypatch,
        AMQP_URL="amqp://guest:guest@broker/",
        DATABASE_URL="postgresql://postgres:changeme@db/lotwise",
        JWT_SECRET="hunter2hunter2hunter2hunter2",
    )

    assert [sentence.removeprefix("LOTWISE_").partition(":")[0] for sentence in told] == [
        "AMQP_URL",
        "AMQP_URL",
        "DATABASE_URL",
        "DATABASE_URL",
        "JWT_SECRET",
    ]
    assert not [sentence for sentence in told if "changeme" in sentence or "hunter2" in sentence]


def test_a_developers_machine_is_not_asked_any_of_this(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, ENVIRONMENT="development", AMQP_URL="amqp://guest:guest@broker/") == []


def test_an_environment_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, ENVIRONMENT="prod")

    assert fault.startswith("LOTWISE_ENVIRONMENT: ")


@pytest.mark.parametrize(
    "secret",
    [
        "guest",
        "password",
        "changeme",
        "postgres",
        "lotwise",
        "kX2vR8mT5qLw9Zb",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "abababababababababababababababab",
        "kX2vR8mTkX2vR8mTkX2vR8mTkX2vR8mT",
        "changeme-changeme-changeme",
        "Lotwise-Password-2026!",
        "change-me-before-production-please",
        "postgres_postgres_1234567890",
        "11111112222222333333",
    ],
)
def test_what_is_guessed_first_is_weak(secret: str) -> None:
    assert is_weak(secret)


@pytest.mark.parametrize("secret", [STRONG, "owner-of-the-horse-battery-staple", "d41d8cd98f00b204e9800998ecf8427e"])
def test_what_is_long_and_its_own_is_not_weak(secret: str) -> None:
    assert not is_weak(secret)


def test_what_the_instructions_make_is_not_weak() -> None:
    assert not [made for made in (secrets.token_hex(32) for _ in range(200)) if is_weak(made)]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [None, "", "broker", "localhost.example", "10.0.0.1", "::"])
def test_any_other_host_is_not_this_machine(host: str | None) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "name", ["ssl=require", "dsn=postgresql://x", "sslmode=verify-full&sslmode=disable", "sslmode=x"]
)
def test_there_is_one_way_to_say_how_the_database_is_encrypted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (fault,) = faults(monkeypatch, DATABASE_URL=f"postgresql://worker:{STRONG}@127.0.0.1/lotwise?{name}")

    assert fault.startswith("LOTWISE_DATABASE_URL: ")
    assert "sslmode" in fault


@pytest.mark.parametrize(
    ("name", "url"), [("AMQP_URL", f"{AMQP}?cafile="), ("DATABASE_URL", f"{DATABASE}&sslrootcert=")]
)
def test_a_certificate_file_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, url: str
) -> None:
    (fault,) = faults(monkeypatch, **{name: f"{url}{tmp_path}/absent.pem"})

    assert fault.startswith(f"LOTWISE_{name}: ")
    assert fault.endswith(f"names no file that can be seen: {tmp_path}/absent.pem")
