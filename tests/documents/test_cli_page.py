"""docs/cli.md, typed block by block into a shell: each command does what the page says, and prints what it shows."""

from __future__ import annotations

import http.server
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread

import pytest

from dev.servers.ports import LOOPBACK
from tests.documents.pages import Example, examples_of
from tests.documents.shell import Reader

EXAMPLES = examples_of("docs/cli.md", "sh")
WATCH, PARKED = "lotwise watch", "lotwise dead list"
SETTING_UP = ("lotwise users", "lotwise definitions")
MISCONFIGURED = 78
PARKED_ID = "0d9f4c3e-7e0b-4d53-9f6e-2b8a4f0c1d11"
BRIDGE = f"""
import os, time, pika
with pika.BlockingConnection(pika.URLParameters(os.environ["LOTWISE_EA_BRIDGE_AMQP_URL"])) as connection:
    properties = pika.BasicProperties(content_type="application/json", type="account.snapshot.v1", delivery_mode=2,
                                      message_id="{PARKED_ID}", timestamp=int(time.time()))
    connection.channel().basic_publish("lotwise.accounts", "account.snapshot", b"{{}}", properties)
"""
SIZED = "lotwise size EURUSD buy --user user-1 --entry 1.18702/1.18202 --release"


class Taken(http.server.BaseHTTPRequestHandler):
    """A webhook that takes whatever comes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def webhook() -> Iterator[int]:
    """A webhook for the length of the block; its port."""
    with http.server.HTTPServer((LOOPBACK, 0), Taken) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def park(reader: Reader) -> None:
    """A bridge sends a snapshot without a balance; until it is seen parked."""
    reader.save("bridge.py", BRIDGE)
    assert reader.type("python bridge.py") == 0, reader.printed
    while PARKED_ID not in reader.printed:
        reader.type(PARKED)


def watch(reader: Reader, example: Example) -> None:
    """Somebody else sizes for as long as the reader watches."""
    other = reader.neighbour()
    try:
        other.type(EXAMPLES[0].text)
        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(reader.follow, example)
            while not watching.done():
                assert other.type(SIZED) == 0, other.printed
            watching.result()
    finally:
        other.close()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_command_of_the_page_prints_what_it_shows(reader: Reader, example: Example) -> None:
    if example is EXAMPLES[0]:
        assert reader.type("make up") == 0, reader.printed
    if example.text.startswith(WATCH):
        watch(reader, example)
        return
    if example.text.startswith(PARKED):
        park(reader)
    if example.text.startswith(SETTING_UP):
        assert reader.type(example.text) == MISCONFIGURED  # on a stack of `make up`, as the page says
        assert "LOTWISE_EA_BRIDGE_PASSWORD" in reader.printed
        return
    with webhook() as port:
        reader.calls("127.0.0.1:28099", f"127.0.0.1:{port}")
        reader.follow(example)
