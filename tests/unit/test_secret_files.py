"""Secrets from files: `LOTWISE_X_FILE` names what holds `LOTWISE_X`; what is wrong is told, never the content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.config_service.settings import ConfigServiceSettings
from services.sizing_worker.settings import SizingWorkerSettings
from services.sync_consumer.settings import SyncConsumerSettings
from shared.errors import DeploymentError
from shared.secret_files import SECRET_BYTES_MAX
from shared.settings import PREFIX, AmqpUrl, HttpUrl, Settings, load

AMQP = "amqp://worker:from-a-file@broker:5672/vhost"


class Example(Settings):
    amqp_url: AmqpUrl
    rabbitmq_api_url: HttpUrl | None = None
    count: int = 3


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What LOTWISE_AMQP_URL_FILE names."""
    file = tmp_path / "amqp-url"
    monkeypatch.setenv("LOTWISE_AMQP_URL_FILE", str(file))
    return file


def refusal() -> str:
    with pytest.raises(DeploymentError) as raised:
        load(Example)
    return str(raised.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_comes_from_its_file_without_the_end_of_its_line(secret_file: Path, end: str) -> None:
    secret_file.write_bytes(f"{AMQP}{end}".encode())

    assert load(Example).amqp_url.get_secret_value() == AMQP


def test_only_one_end_of_line_is_no_part_of_a_secret(secret_file: Path) -> None:
    secret_file.write_text(f"{AMQP}\n\n")

    assert load(Example).amqp_url.get_secret_value() == f"{AMQP}\n"


def test_a_secret_that_may_be_left_out_comes_from_its_file(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret_file.write_text(AMQP)
    other = tmp_path / "api"
    other.write_text("https://broker:15671")
    monkeypatch.setenv("LOTWISE_RABBITMQ_API_URL_FILE", str(other))

    loaded = load(Example).rabbitmq_api_url

    assert loaded is not None
    assert loaded.get_secret_value() == "https://broker:15671"


def test_what_is_no_secret_comes_from_no_file(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret_file.write_text(AMQP)
    (tmp_path / "count").write_text("7")
    monkeypatch.setenv("LOTWISE_COUNT_FILE", str(tmp_path / "count"))

    assert load(Example).count == 3


def test_a_secret_given_twice_is_refused_by_both_names(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file.write_text(AMQP)
    monkeypatch.setenv("LOTWISE_AMQP_URL", "amqp://worker:in-the-environment@broker")

    text = refusal()

    assert text == "LOTWISE_AMQP_URL: LOTWISE_AMQP_URL_FILE is set as well; set one of them"


def test_a_file_that_is_not_there_is_named(secret_file: Path) -> None:
    assert refusal() == (
        f"LOTWISE_AMQP_URL: LOTWISE_AMQP_URL_FILE: {secret_file} cannot be read: No such file or directory"
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"from-a-file\xff", "is not text"),
        (b"from-a-file" * SECRET_BYTES_MAX, "has more than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_not_shown(secret_file: Path, content: bytes, fault: str) -> None:
    secret_file.write_bytes(content)

    text = refusal()

    assert text == f"LOTWISE_AMQP_URL: LOTWISE_AMQP_URL_FILE: {secret_file} {fault}"
    assert "from-a-file" not in text


def test_a_wrong_value_from_a_file_is_told_without_it(secret_file: Path) -> None:
    secret_file.write_text("http://worker:from-a-file@broker")

    assert refusal() == "LOTWISE_AMQP_URL: must be a URL that starts with amqp://"


@pytest.mark.parametrize("settings", [SyncConsumerSettings, SizingWorkerSettings, ConfigServiceSettings])
def test_a_service_takes_each_of_its_secrets_from_a_file(
    settings: type[Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {
        "AMQP_URL": AMQP,
        "DATABASE_URL": "postgresql://worker:from-a-file@database/lotwise",
        "JWT_SECRET": "0123456789abcdef0123456789abcdef",
        "JWT_SECRET_PREVIOUS": "fedcba9876543210fedcba9876543210",
    }
    for name, value in secrets.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"LOTWISE_{name}_FILE", str(tmp_path / name))

    loaded = load(settings)

    for name, value in secrets.items():
        if name.lower() in settings.model_fields:
            assert getattr(loaded, name.lower()).get_secret_value() == value
