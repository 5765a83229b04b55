"""docs/cli.md, typed block by block into a shell: each command does what the page says, and prints what it shows."""

from __future__ import annotations

import http.server
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit

import pytest

from dev.servers.broker import Broker
from dev.servers.management import Management
from dev.servers.ports import LOOPBACK
from dev.servers.provider import Servers, missing_packages
from shared.cli.users import password_variables
from tests.documents.pages import Example, examples_of
from tests.documents.shell import Reader

EXAMPLES = examples_of("docs/cli.md", "sh")
WATCH, PARKED = "lotwise watch", "lotwise dead list"
SETTING_UP = ("lotwise users", "lotwise definitions")
PASSWORDS = tuple(password_variables().values())
VIRTUAL_HOST = "lotwise"
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


@pytest.fixture(scope="module")
def operator(reader: Reader, provided_servers: Servers) -> Iterator[Reader]:
    """Whoever has the passwords, and a broker of their own, empty: the users that they make are the whole broker's."""
    if missing_packages():
        pytest.skip("there is nothing here to start a broker from")
    broker = Broker(provided_servers.ledger, name=f"broker-{secrets.token_hex(4)}")
    other = reader.neighbour()
    try:
        broker.start()
        with Management(broker.api_url) as management:
            management.create_vhost(VIRTUAL_HOST)
        amqp_url = urlsplit(broker.amqp_url)._replace(path=f"/{VIRTUAL_HOST}").geturl()
        passwords = {variable: secrets.token_hex(32) for variable in PASSWORDS}
        given = {"LOTWISE_AMQP_URL": amqp_url, "LOTWISE_RABBITMQ_API_URL": broker.api_url, **passwords}
        other.type(EXAMPLES[0].text)
        other.type(f"export {' '.join(f'{name}={value}' for name, value in given.items())}")
        yield other
    finally:
        other.close()
        broker.discard()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_command_of_the_page_prints_what_it_shows(
    reader: Reader, example: Example, request: pytest.FixtureRequest
) -> None:
    if example is EXAMPLES[0]:
        assert reader.type("make up") == 0, reader.printed
    if example.text.startswith(WATCH):
        watch(reader, example)
        return
    if example.text.startswith(PARKED):
        park(reader)
    if example.text.startswith(SETTING_UP):
        assert reader.type(example.text) == MISCONFIGURED  # on a stack of `make up`, as the page says
        assert [name for name in PASSWORDS if name not in reader.printed] == []
        request.getfixturevalue("operator").follow(example)
        return
    with webhook() as port:
        reader.calls("127.0.0.1:28099", f"127.0.0.1:{port}")
        reader.follow(example)
