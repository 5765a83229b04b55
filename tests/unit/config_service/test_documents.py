"""The contract as pages: whole, open to anyone, and nothing in them from elsewhere or that a strict policy forbids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from services.config_service.documents import routes
from services.config_service.documents.routes import static_assets
from services.config_service.http.journal import SAFE_HEADERS
from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.examples import all_examples
from shared.contracts.json_schemas import all_json_schemas, json_schema
from shared.contracts.traffic import LINES, PARTIES
from shared.messaging.topology import QUEUES
from shared.schemas.decoding import SCHEMAS
from tests.application import bearer

PAGES = ["/docs/messages", "/docs/http"]
JSON_DOCUMENTS = ["/docs/asyncapi.json", "/docs/openapi.json", *(f"/docs/schemas/{name}.json" for name in SCHEMAS)]
STYLE_SHEETS = [name for name in static_assets() if name.endswith(".css")]
LOADED = re.compile(r"url\(\s*(?![\"']?data:)|@import")


class Page(HTMLParser):
    """What a page refers to, what it says, and what a strict policy would not let it do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.identifiers: set[str] = set()
        self.words: list[str] = []
        self.forbidden: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = dict(attributes)
        self.references += [given[name] or "" for name in ("src", "href", "action", "data-document") if name in given]
        self.identifiers |= {given["id"] or ""} if "id" in given else set()
        if tag in ("style", "iframe", "object", "base") or (tag == "script" and "src" not in given):
            self.forbidden.append(tag)
        self.forbidden += [name for name in given if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.words.append(data.strip())


async def read(client: httpx.AsyncClient, path: str) -> Page:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Page(response.text)


def field_names(schema: Any) -> Iterator[str]:
    """Every field that a schema names, however deep."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from field_names(inner)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_refers_to_nothing_of_another_host_and_to_nothing_that_is_not_there(
    client: httpx.AsyncClient, path: str
) -> None:
    page = await read(client, path)

    for reference in (reference for reference in page.references if not reference.startswith("data:")):
        target = urlsplit(urljoin(path, reference))
        assert (target.scheme, target.netloc) == ("", "")
        if target.path == path:
            assert target.fragment in page.identifiers | {""}
        else:
            assert (await client.get(target.path)).status_code == 200, reference


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_no_script_and_no_style_but_those_in_files(client: httpx.AsyncClient, path: str) -> None:
    assert (await read(client, path)).forbidden == []


@pytest.mark.parametrize("name", STYLE_SHEETS)
def test_a_style_sheet_loads_nothing(name: str) -> None:
    assert LOADED.search(static_assets()[name].body.decode()) is None


@pytest.mark.parametrize(
    ("path", "needed"),
    [("/docs/messages", set()), ("/docs/http", {"script-src 'self'", "connect-src 'self'"})],
)
async def test_a_page_may_do_what_it_needs_and_nothing_else(
    client: httpx.AsyncClient, path: str, needed: set[str]
) -> None:
    headers = (await client.get(path)).headers

    nothing_else = {"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"}
    assert set(headers["content-security-policy"].split("; ")) == (
        nothing_else | {"style-src 'self'", "img-src data:"} | needed
    )


@pytest.mark.parametrize("path", [*PAGES, *JSON_DOCUMENTS, "/docs/static/http.js", "/docs"])
async def test_every_answer_has_the_safe_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    own = {"Cache-Control", "Content-Security-Policy"}
    assert {name: headers[name] for name in SAFE_HEADERS.keys() - own} == {
        name: value for name, value in SAFE_HEADERS.items() if name not in own
    }
    assert headers["content-security-policy"].startswith("default-src 'none';")


async def test_the_page_of_messages_names_every_message_party_queue_and_routing_key(client: httpx.AsyncClient) -> None:
    page = await read(client, "/docs/messages")

    assert page.identifiers >= SCHEMAS.keys() | {f"queue-{queue.name}" for queue in QUEUES}
    assert set(page.words) >= {party.name for party in PARTIES} | {line.routing_key for line in LINES}


async def test_the_page_of_messages_has_every_field_property_and_header(client: httpx.AsyncClient) -> None:
    page = await read(client, "/docs/messages")

    paths = {word.rpartition(".")[2] for word in page.words}
    assert paths >= set(field_names(list(all_json_schemas().values())))
    for message in asyncapi_document()["components"]["messages"].values():
        assert paths >= {*message["x-amqp-properties"]["properties"], *message["headers"]["properties"]}


async def test_the_page_of_messages_shows_every_example(client: httpx.AsyncClient) -> None:
    page = await read(client, "/docs/messages")

    shown = [json.loads(word) for word in page.words if word.startswith("{\n")]
    assert shown == [body for name in SCHEMAS for body in all_examples()[name].values()]


async def test_the_page_of_calls_shows_every_call(client: httpx.AsyncClient) -> None:
    page = await read(client, "/docs/http")
    (shown,) = {reference for reference in page.references if reference.endswith("openapi.json")}

    document = (await client.get(shown)).json()
    assert document == (await client.get("/api/openapi.json", headers=bearer())).json()
    assert "/api/v1/risk/config" in document["paths"]


async def test_programs_get_the_asyncapi_document(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs/asyncapi.json")).json() == asyncapi_document()


@pytest.mark.parametrize("message", SCHEMAS)
async def test_programs_get_the_schema_of_a_message(client: httpx.AsyncClient, message: str) -> None:
    assert (await client.get(f"/docs/schemas/{message}.json")).json() == json_schema(message)


@pytest.mark.parametrize(
    "path", ["/docs/schemas/nothing.v1.json", "/docs/schemas/sizing.request.v1", "/docs/static/../assets.py", "/docs/x"]
)
async def test_there_is_nothing_else(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_whoever_has_a_document_already_is_not_sent_it_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/docs/messages")

    again = await client.get("/docs/messages", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/docs/schemas/sizing.request.v1.json", "/docs/openapi.json", "/docs/messages"])
async def test_a_document_is_made_once_however_often_it_is_asked_for(
    client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await client.get(path)
    for made_from in ("json_schema", "asyncapi_document", "_json"):
        monkeypatch.setattr(routes, made_from, None)

    assert (await client.get(path)).content == first.content


async def test_the_documents_begin_with_the_messages(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).headers["location"] == "/docs/messages"
