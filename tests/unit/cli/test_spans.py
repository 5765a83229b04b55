"""Times and accounts as the operator writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from shared.cli.spans import read_account, read_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("2026-11-22T14:00:00Z", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("2026-11-22T15:00:00.5+01:00", datetime(2026, 11, 22, 14, 0, 0, 500_000, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_rfc_3339_or_how_long_ago(text: str | None, moment: datetime | timedelta | None) -> None:
    assert read_moment(text, option="--since") == moment


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "24 h", "1y", "now", "2026-11-22T14:00:00", "٢d"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="must be a time with its offset"):
        read_moment(text, option="--since")


def test_a_server_may_hold_blanks_and_an_at_sign() -> None:
    key = read_account("590338389@FxPro-MT5 Demo@2", option="--account")

    assert (key.login, key.server) == (590338389, "FxPro-MT5 Demo@2")


@pytest.mark.parametrize("text", ["590338389", "@FxPro", "x@FxPro", "0@FxPro", "1@", "1@ FxPro", f"{2**63}@FxPro"])
def test_what_names_no_account_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="LOGIN@SERVER"):
        read_account(text, option="--account")
