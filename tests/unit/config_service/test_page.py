"""How the page is served: to anyone, whole, from this host alone, and under a policy that keeps it so."""

from __future__ import annotations

import re
from importlib.resources import files

import httpx
import pytest

FILES = sorted(file.name for file in files("services.config_service").joinpath("page").iterdir())


async def test_the_page_needs_no_token_and_lets_nothing_in_but_its_own_files(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy.pop("require-trusted-types-for") == "'script'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert policy["default-src"] == "'none'"


@pytest.mark.parametrize("name", FILES)
async def test_each_file_of_the_page_is_served_as_what_it_is(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/page/{name}")

    assert answer.status_code == 200
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_browser_that_has_a_file_is_not_sent_it_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/")).headers["etag"]

    again = await client.get("/", headers={"If-None-Match": etag})

    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")


@pytest.mark.parametrize("path", ["/page/nothing.js", "/page/", "/page/..%2f__main__.py", "/page/__init__.py"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("name", FILES)
async def test_no_file_of_the_page_names_another_host_or_runs_text(name: str) -> None:
    text = files("services.config_service").joinpath("page", name).read_text()

    hosts = set(re.findall(r"https?://[^\s\"'<>]+", text)) - {"http://www.w3.org/2000/svg"}
    assert hosts == set()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|<script>|\sstyle=|\son\w+=", text
    )
