"""The programs of docs/messages.md, in plain pika, as somebody would write them who has none of our code."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from dev.tree import ROOT
from tests.acceptance.conftest import Running
from tests.acceptance.people import People

PAGE = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
BRIDGE, ENGINE, _WITH_OUR_CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
OUTCOME = """SELECT 1 FROM sizing_outcomes JOIN margin_reservations USING (request_id)
    JOIN user_mt5_accounts AS account ON account.id = margin_reservations.user_mt5_account_id
    WHERE account.user_id = 'u-2' AND outcome = 'cancelled'"""
PROGRAM_TIMEOUT_S = 60


def run(running: Running, program: str) -> str:
    """Run a program with the URLs that the operator gave, away from our code; what it printed."""
    urls = running.place.virtual_host.role_urls
    given = {
        "LOTWISE_EA_BRIDGE_AMQP_URL": urls["ea-bridge"],
        "LOTWISE_SIGNAL_ENGINE_AMQP_URL": urls["signal-engine"],
    }
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-c", program],
        env={**os.environ, **given},
        check=True,
        capture_output=True,
        text=True,
        timeout=PROGRAM_TIMEOUT_S,
    )
    return ended.stdout


async def test_the_documented_programs_report_an_account_get_a_size_and_tell_its_outcome(
    running: Running, people: People
) -> None:
    run(running, BRIDGE)
    await people.row("SELECT 1 FROM user_mt5_accounts WHERE user_id = 'u-2' AND mt5_account_id = 2")

    printed = run(running, ENGINE)

    # 3 % of 10,000.00 is 300.00, half of it for the first entry; 50 pips of EURUSD cost 500.00 a lot.
    assert printed == "approved 0.30\n"
    assert f"```text\n{printed}```" in PAGE
    await people.row(OUTCOME)
