"""Where `lotwise topology` looks, from the AMQP URL alone or as told."""

from __future__ import annotations

import pytest

from shared.cli.topology import TopologySettings


@pytest.fixture
def amqp_url(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("LOTWISE_RABBITMQ_API_URL", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("amqp://op:pass@broker:5673/lotwise", "http://op:pass@broker:15672/"),
        ("amqp://op:p%40ss@10.0.0.7/lotwise?heartbeat=5", "http://op:p%40ss@10.0.0.7:15672/"),
        ("amqp://broker", "http://broker:15672/"),
    ],
)
def test_the_management_api_is_on_the_brokers_host_with_its_credentials(
    amqp_url: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    amqp_url.setenv("LOTWISE_AMQP_URL", given)
    assert TopologySettings().api_url.get_secret_value().rstrip("/") == expected.rstrip("/")


def test_a_management_api_that_is_given_is_taken(amqp_url: pytest.MonkeyPatch) -> None:
    amqp_url.setenv("LOTWISE_AMQP_URL", "amqp://op:pass@broker/lotwise")
    amqp_url.setenv("LOTWISE_RABBITMQ_API_URL", "https://admin:other@api.example/rabbit")
    assert TopologySettings().api_url.get_secret_value() == "https://admin:other@api.example/rabbit"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("amqp://op@broker/lotwise", "lotwise"),
        ("amqp://op@broker/", "/"),
        ("amqp://op@broker", "/"),
        ("amqp://op@broker/%2F", "/"),
        ("amqp://op@broker/a%2Fb", "a/b"),
    ],
)
def test_the_virtual_host_is_the_amqp_urls(amqp_url: pytest.MonkeyPatch, given: str, expected: str) -> None:
    amqp_url.setenv("LOTWISE_AMQP_URL", given)
    assert TopologySettings().virtual_host == expected
