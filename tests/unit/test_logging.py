"""Log lines: JSON, one a line, and no secret in any of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.logging import QUIET_LOGGERS, configure_logging, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvd25lci0xIn0.c2lnbmF0dXJl-_"


def shown(value: Any) -> Any:
    return redact(None, "info", {"event": value})["event"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("amqp://worker:s3cret@broker:5672/", "amqp://***@broker:5672/"),
        ("amqps://worker:s3cret@broker/vhost?heartbeat=5", "amqps://***@broker/vhost?heartbeat=5"),
        ("postgresql://worker:s3cret@db/lotwise", "postgresql://***@db/lotwise"),
        ("postgresql+asyncpg://worker:p%40ss%2Fword@db/lotwise", "postgresql+asyncpg://***@db/lotwise"),
        ("http://admin:s3cret@broker:15672", "http://***@broker:15672"),
        ("amqp://:s3cret@broker/", "amqp://***@broker/"),
        ("cannot reach amqp://a:b@c and postgresql://d:e@f/g", "cannot reach amqp://***@c and postgresql://***@f/g"),
        (f"token {JWT} expired", "token *** expired"),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer ***"),
        ("bearer abc.def", "bearer ***"),
        ("Bearer   abc.def", "Bearer ***"),
    ],
)
def test_secrets_are_blotted_out(written: str, read: str) -> None:
    assert shown(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "amqp://broker:5672/vhost",
        "http://127.0.0.1:9101/readyz",
        "at 14:00:00, see user@example.org",
        "eyJ is how a token begins",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    "value",
    [
        ["amqp://a:s3cret@b"],
        ("x", {"url": "amqp://a:s3cret@b"}),
        {"headers": {"authorization": f"Bearer {JWT}"}},
        {"a": [{"b": ("amqp://a:s3cret@b",)}]},
    ],
)
def test_secrets_are_blotted_out_wherever_they_stand(value: Any) -> None:
    text = json.dumps(shown(value))

    assert "s3cret" not in text
    assert "eyJ" not in text


@pytest.mark.parametrize("value", [7, None, True, 1.5, ["a", 1], {"a": None}])
def test_everything_else_stays_as_it_is(value: Any) -> None:
    assert shown(value) == value


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(force=True)


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def test_a_line_is_json_with_time_level_service_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", service="example")

    structlog.get_logger().info("message.settled", queue="q\n1", count=2)

    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "message.settled", "level": "info", "service": "example", "queue": "q\n1", "count": 2}


def test_the_standard_librarys_lines_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", service="example")

    logging.getLogger("some.library").warning("lost %s", "amqp://a:s3cret@b")

    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["service"]) == ("lost amqp://***@b", "warning", "example")


def test_a_traceback_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", service="example")

    try:
        raise ValueError("amqp://a:s3cret@b")
    except ValueError:
        structlog.get_logger().exception("handler.failed")

    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert "s3cret" not in json.dumps(line)


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", service="example")

    structlog.get_logger().info("message.settled")

    assert lines(capsys) == []


@pytest.mark.parametrize("name", QUIET_LOGGERS)
def test_libraries_that_write_whole_messages_never_do(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", service="example")

    logging.getLogger(name).debug("frame with a body")
    logging.getLogger(name).info("frame with a body")

    assert lines(capsys) == []
