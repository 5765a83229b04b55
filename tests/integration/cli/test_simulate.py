"""`lotwise simulate`: the requests of the real handler under another percent."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.desk import Desk, request
from tests.integration.cli.conftest import Lotwise


@pytest.fixture(autouse=True)
async def _decisions(desk: Desk) -> None:
    """One approval of 0.30 + 0.21 + 0.09 lots, 300.00 at risk and 1,169.22 of margin; then one refusal."""
    await desk.report(margin_free="2400.00", margin_used="7600.00")
    await desk.publish()
    await desk.ask_at_once(request(), request())


def rows(stdout: str) -> dict[str, list[str]]:
    """The table by the name of the measure, as words."""
    lines = [
        line.replace("money at risk", "money_at_risk").replace("margin use", "margin_use").split()
        for line in stdout.splitlines()
    ]
    return {words[0]: words[1:] for words in lines if words}


async def test_what_would_have_been_stands_beside_what_was(lotwise: Lotwise) -> None:
    simulated = await lotwise("simulate", "--risk-percent", "1.5", "--since", "24h")

    assert simulated.exit_code == 0
    table = rows(simulated.stdout)
    assert table["as"] == ["it", "happened", "3", "%", "at", "1.5", "%", "change"]
    assert table["approved"][:3] == ["1", "2", "+1"]
    assert table["margin_buffer"][:3] == ["1", "0", "−1"]
    # At half the percent 0.15 + 0.10 + 0.04 lots: 150.00 / 2 = 75.00 → 0.15, 52.50 → 0.10, 22.50 → 0.04; twice.
    assert table["lots"][:2] == ["0.60", "0.58"]
    assert table["money_at_risk"][:2] == ["300.00", "290.00"]
    # 0.15 × 1,950 + 0.10 × 1,948 + 0.04 × 1,946 = 292.50 + 194.80 + 77.84 = 565.14
    assert table["margin"][:2] == ["1,169.22", "1,130.28"]


async def test_the_same_percent_changes_nothing(lotwise: Lotwise) -> None:
    simulated = await lotwise("simulate", "--risk-percent", "3")

    changes = [words[2] for name, words in rows(simulated.stdout).items() if name in ("decisions", "approved", "lots")]
    assert changes == ["=", "=", "="]


async def test_a_chart_is_drawn_that_a_browser_shows(lotwise: Lotwise, tmp_path: Path) -> None:
    file = tmp_path / "chart.svg"

    simulated = await lotwise("simulate", "--risk-percent", "1.5", "--chart", str(file))

    assert simulated.exit_code == 0
    drawing = ET.parse(file).getroot()  # noqa: S314 - our own drawing
    texts = {element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"at 1.5 %", "approved", "money at risk, USD", "1,169.22", "1,130.28"} <= texts


async def test_without_decisions_every_figure_is_nothing(lotwise: Lotwise, tmp_path: Path) -> None:
    simulated = await lotwise(
        "simulate", "--risk-percent", "1.5", "--until", "1h", "--chart", str(tmp_path / "chart.svg")
    )

    assert (simulated.exit_code, rows(simulated.stdout)["decisions"][:2]) == (0, ["0", "0"])


@pytest.mark.parametrize("percent", ["0.05", "51", "much", "NaN"])
async def test_a_percent_outside_the_dial_is_a_wrong_usage(lotwise: Lotwise, percent: str) -> None:
    simulated = await lotwise("simulate", "--risk-percent", percent)

    assert simulated.exit_code == 2
    assert "--risk-percent" in simulated.stderr


async def test_a_chart_that_is_no_svg_is_a_wrong_usage(lotwise: Lotwise, tmp_path: Path) -> None:
    simulated = await lotwise("simulate", "--risk-percent", "1.5", "--chart", str(tmp_path / "chart.gif"))

    assert simulated.exit_code == 2
    assert ".svg" in simulated.stderr
