"""The dial: one risk percent for everyone, turned by the owner alone, over HTTP."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.schemas.decoding import decode
from tests import builders
from tests.acceptance.people import Owner, People

CONFIG = "/api/v1/risk/config"


async def test_global_risk_config_structure(people: People) -> None:
    row = await people.row("SELECT * FROM risk_configuration WHERE id = 1")

    assert [row.entry_1_percent, row.entry_2_percent, row.entry_3_percent] == builders.decimals("0.50", "0.35", "0.15")
    assert row.fixed_risk_percent == Decimal(3)
    assert row.margin_buffer_percent == Decimal(20)
    assert len(row) == 9


async def test_get_config_requires_auth(owner: Owner) -> None:
    response = await owner.get(CONFIG, headers={})

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_get_config_returns_default_values(owner: Owner) -> None:
    await owner.set_risk_percent("3")

    response = await owner.get(CONFIG, headers=owner.headers("user", "u-1"))

    config = response.json()
    assert response.status_code == 200
    assert response.headers["etag"] == f'"{config["config_version"]}"'
    assert config["fixed_risk_percent"] == "3"
    assert config["entry_splits"] == {"entry_1_percent": "0.5", "entry_2_percent": "0.35", "entry_3_percent": "0.15"}
    assert config["margin_buffer_percent"] == "20"
    assert not hasattr(decode("config.changed.v1", response.content, frozenset({"config.changed.v1"})), "errors")


async def test_get_config_returns_updated_values(owner: Owner) -> None:
    acknowledged = await owner.set_risk_percent("2.5", reason="NFP")

    config = (await owner.get(CONFIG)).json()

    assert config["fixed_risk_percent"] == "2.5"
    assert config["config_version"] == acknowledged["config_version"]
    assert (config["updated_by"], config["reason"]) == ("owner-1", "NFP")


async def test_post_config_requires_auth(owner: Owner) -> None:
    before = (await owner.get(CONFIG)).json()

    response = await owner.post({"new_risk_percent": 2.5, "reason": "none"}, headers={})

    assert response.status_code == 401
    assert (await owner.get(CONFIG)).json() == before


async def test_post_config_requires_owner_role(owner: Owner) -> None:
    before = (await owner.get(CONFIG)).json()

    response = await owner.post({"new_risk_percent": 2.5, "reason": "none"}, headers=owner.headers("user", "u-1"))

    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"
    assert (await owner.get(CONFIG)).json() == before


async def test_post_config_updates_successfully(owner: Owner) -> None:
    before = (await owner.get(CONFIG)).json()

    response = await owner.post({"new_risk_percent": 2.5, "reason": "less"})

    body = response.json()
    assert response.status_code == 200
    assert (body["previous_risk_percent"], body["new_risk_percent"]) == (before["fixed_risk_percent"], "2.5")
    assert body["config_version"] == before["config_version"] + 1
    assert body["updated_by"] == "owner-1"
    assert body["updated_at"].endswith("Z")


async def test_post_config_persists_to_database(owner: Owner, people: People) -> None:
    acknowledged = await owner.set_risk_percent("4.25", reason="persisted")

    row = await people.row("SELECT * FROM risk_configuration WHERE id = 1")
    history = await people.row(
        "SELECT * FROM risk_configuration_history WHERE config_version = :version",
        version=acknowledged["config_version"],
    )

    assert (row.fixed_risk_percent, row.updated_by) == (Decimal("4.25"), "owner-1")
    assert (history.fixed_risk_percent, history.reason) == (Decimal("4.25"), "persisted")
    assert history.updated_at == row.updated_at


async def test_post_config_updates_in_memory_global_config(owner: Owner, people: People) -> None:
    await people.report()
    await people.publish_specs(builders.gold())
    await owner.set_risk_percent("3")
    before = [(await people.ask()).summary.global_risk_percent for _ in range(4)]

    acknowledged = await owner.set_risk_percent("1.5")
    after = [await people.ask() for _ in range(4)]  # enough for both workers

    assert before == [Decimal(3)] * 4
    assert [decision.summary.global_risk_percent for decision in after] == [Decimal("1.5")] * 4
    assert {decision.config_version for decision in after} == {acknowledged["config_version"]}


async def test_post_config_rejects_risk_below_minimum(owner: Owner) -> None:
    before = (await owner.get(CONFIG)).json()

    response = await owner.post({"new_risk_percent": "0.09", "reason": "too little"})

    assert response.status_code == 422
    assert response.json()["code"] == "out_of_range"
    assert (await owner.get(CONFIG)).json() == before


async def test_post_config_rejects_risk_above_maximum(owner: Owner) -> None:
    before = (await owner.get(CONFIG)).json()

    response = await owner.post({"new_risk_percent": "50.01", "reason": "too much"})

    assert response.status_code == 422
    assert response.json()["code"] == "out_of_range"
    assert (await owner.get(CONFIG)).json() == before


@pytest.mark.parametrize("percent", ["0.1", "50"])
async def test_post_config_accepts_boundary_values(owner: Owner, percent: str) -> None:
    acknowledged = await owner.set_risk_percent(percent)

    assert acknowledged["new_risk_percent"] == percent
    assert (await owner.get(CONFIG)).json()["fixed_risk_percent"] == percent


async def test_post_config_multiple_updates_create_audit_trail(owner: Owner) -> None:
    acknowledged = [await owner.set_risk_percent(percent, reason=f"to {percent}") for percent in ("2", "1", "2.5")]

    history = (await owner.get(f"{CONFIG}/history", params={"limit": 3})).json()

    newest_first = [(row["config_version"], row["fixed_risk_percent"], row["reason"]) for row in history["items"]]
    versions = [answer["config_version"] for answer in acknowledged]
    assert newest_first == [(versions[2], "2.5", "to 2.5"), (versions[1], "1", "to 1"), (versions[0], "2", "to 2")]
    assert versions == [versions[0], versions[0] + 1, versions[0] + 2]
