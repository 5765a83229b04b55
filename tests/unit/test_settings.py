"""Settings: each wrong variable is named in one line, and no value ever is."""

from __future__ import annotations

import os
from typing import Annotated

import pytest
from pydantic import Field

from services.config_service.settings import ConfigServiceSettings
from services.sizing_worker.settings import SizingWorkerSettings
from services.sync_consumer.settings import SyncConsumerSettings
from shared.errors import DeploymentError
from shared.settings import PREFIX, AmqpUrl, DatabaseUrl, HttpUrl, Settings, load

AMQP = "amqp://worker:secret-1@broker:5672/vhost"
DATABASE = "postgresql://worker:secret-2@database:5432/lotwise"


class Example(Settings):
    amqp_url: AmqpUrl
    database_url: DatabaseUrl
    count: Annotated[int, Field(ge=1, le=10)] = 3


@pytest.fixture(autouse=True)
def _good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOTWISE_AMQP_URL", AMQP)
    monkeypatch.setenv("LOTWISE_DATABASE_URL", DATABASE)
    monkeypatch.setenv("LOTWISE_JWT_SECRET", "0123456789abcdef0123456789abcdef")


def refusal(settings: type[Settings] = Example) -> str:
    with pytest.raises(DeploymentError) as raised:
        load(settings)
    return str(raised.value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOTWISE_COUNT", "7")

    settings = load(Example)

    assert (settings.amqp_url.get_secret_value(), settings.count) == (AMQP, 7)


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("LOTWISE_AMQP_URL")
    else:
        monkeypatch.setenv("LOTWISE_AMQP_URL", value)

    assert refusal() == "LOTWISE_AMQP_URL: is not set, and has no default"


def test_everything_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOTWISE_AMQP_URL")
    monkeypatch.setenv("LOTWISE_DATABASE_URL", "mysql://worker:secret-2@database/lotwise")
    monkeypatch.setenv("LOTWISE_COUNT", "eleven")

    text = refusal()

    assert text.split("; ") == [
        "LOTWISE_AMQP_URL: is not set, and has no default",
        "LOTWISE_DATABASE_URL: must be a URL that starts with postgresql://",
        "LOTWISE_COUNT: Input should be a valid integer, unable to parse string as an integer",
    ]


@pytest.mark.parametrize("count", ["0", "11", "3.5", "many", "-1", "0x3"])
def test_a_value_out_of_bounds_is_named(monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    monkeypatch.setenv("LOTWISE_COUNT", count)

    assert refusal().startswith("LOTWISE_COUNT: ")


@pytest.mark.parametrize(
    "url",
    [
        "secret-3",
        "http://worker:secret-3@broker/",
        "amqp:worker:secret-3@broker",
        "amqp://worker:secret-3@broker:port/",
        "amqp://worker:secret-3@broker:99999/",
        "amqp://worker:secret-3@[broker/",
        "amqp://",
        "amqp:///vhost",
        "amqp://worker:secret-3@:5672/",
    ],
)
def test_a_url_that_leads_nowhere_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LOTWISE_AMQP_URL", url)

    text = refusal()

    assert text.startswith("LOTWISE_AMQP_URL: must be a URL")
    assert "secret-3" not in text


@pytest.mark.parametrize(
    "url", [AMQP, "amqps://broker", "amqp://broker/", "amqp://u:p@[::1]:5672/%2F", "amqp://10.0.0.1"]
)
def test_every_good_url_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LOTWISE_AMQP_URL", url)

    assert load(Example).amqp_url.get_secret_value() == url


def test_settings_do_not_show_their_secrets() -> None:
    text = repr(load(Example)) + str(load(Example))

    assert "secret-" not in text


def test_an_api_url_is_http() -> None:
    class WithApi(Settings):
        rabbitmq_api_url: HttpUrl

    assert refusal(WithApi) == "LOTWISE_RABBITMQ_API_URL: is not set, and has no default"


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (SyncConsumerSettings, "LOTWISE_FRESHNESS_SECONDS", "0"),
        (SyncConsumerSettings, "LOTWISE_FRESHNESS_CHECK_SECONDS", "11"),
        (SyncConsumerSettings, "LOTWISE_LOG_LEVEL", "loud"),
        (SyncConsumerSettings, "LOTWISE_DRAIN_TIMEOUT_SECONDS", "-1"),
        (SyncConsumerSettings, "LOTWISE_ADMIN_PORT", "65536"),
        (SyncConsumerSettings, "LOTWISE_BATCH_MAX", "0"),
        (SyncConsumerSettings, "LOTWISE_PREFETCH", "0"),
        (SyncConsumerSettings, "LOTWISE_AMQP_HEARTBEAT_SECONDS", "0"),
        (SyncConsumerSettings, "LOTWISE_DATABASE_POOL_SIZE", "0"),
        (SizingWorkerSettings, "LOTWISE_RISK_BASIS", "margin"),
        (SizingWorkerSettings, "LOTWISE_REQUEST_SECONDS", "nan"),
        (SizingWorkerSettings, "LOTWISE_RECONCILE_SECONDS", "nan"),
        (SizingWorkerSettings, "LOTWISE_RECONCILE_SECONDS", "inf"),
        (ConfigServiceSettings, "LOTWISE_JWT_SECRET", "too short"),
    ],
)
def test_a_service_refuses_a_setting_it_cannot_run_with(
    monkeypatch: pytest.MonkeyPatch, settings: type[Settings], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    text = refusal(settings)

    assert text.startswith(f"{name}: ")
    assert "\n" not in text


@pytest.mark.parametrize("settings", [SyncConsumerSettings, SizingWorkerSettings, ConfigServiceSettings])
def test_a_service_needs_no_more_than_its_urls_and_its_secret(settings: type[Settings]) -> None:
    assert isinstance(load(settings), settings)
