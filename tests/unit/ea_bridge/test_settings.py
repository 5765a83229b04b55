"""What a bridge is told, and what it refuses to start with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from examples.ea_bridge.settings import BridgeSettings, load
from shared.client import DeploymentError
from tests.unit.ea_bridge.bridges import EXAMPLE


def settings(tmp_path: Path, text: str) -> BridgeSettings:
    file = tmp_path / "ea-bridge.toml"
    file.write_text(text)
    return load(file)


def fault(tmp_path: Path, text: str) -> str:
    with pytest.raises(DeploymentError) as raised:
        settings(tmp_path, text)
    return str(raised.value)


def test_the_example_is_a_good_one() -> None:
    loaded = load(EXAMPLE)
    assert loaded.wanted == {"EURUSD": "EURUSD", "USDJPY": "USDJPY", "EURJPY": "EURJPY", "XAUUSD": "XAUUSD_i"}


def test_a_suffix_is_appended_and_a_symbol_with_a_name_of_its_own_is_not_suffixed(tmp_path: Path) -> None:
    text = 'user_id = "u-17"\ninstruments = ["EURUSD", "XAUUSD"]\nsuffix = ".r"\n[symbols]\nXAUUSD = "GOLD"'
    assert settings(tmp_path, text).wanted == {"EURUSD": "EURUSD.r", "XAUUSD": "GOLD"}


def test_a_commission_is_exact_and_has_a_default(tmp_path: Path) -> None:
    text = 'user_id = "u-17"\ninstruments = ["EURUSD", "XAUUSD"]\n[commission_per_lot]\ndefault = 7.10\nXAUUSD = 0'
    loaded = settings(tmp_path, text)
    assert (loaded.commission_of("EURUSD"), loaded.commission_of("XAUUSD")) == (Decimal("7.10"), Decimal(0))


def test_without_a_table_there_is_no_commission(tmp_path: Path) -> None:
    assert settings(tmp_path, 'user_id = "u-17"\ninstruments = ["EURUSD"]').commission_of("EURUSD") == 0


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOTWISE_EA_BRIDGE_USER_ID", "u-18")
    monkeypatch.setenv("LOTWISE_EA_BRIDGE_AMQP_URL", "amqp://ea-bridge:secret@broker/lotwise")
    loaded = settings(tmp_path, 'user_id = "u-17"\ninstruments = ["EURUSD"]')
    assert loaded.user_id == "u-18"
    assert "secret" not in repr(loaded)


def test_the_terminal_is_logged_in_only_where_a_password_is_given(tmp_path: Path) -> None:
    text = 'user_id = "u-17"\ninstruments = ["EURUSD"]\nlogin = 7\nserver = "Test-MT5"\n'
    assert settings(tmp_path, text).credentials() == {}
    logged_in = settings(tmp_path, text + 'password = "p"')
    assert logged_in.credentials() == {"login": 7, "password": "p", "server": "Test-MT5"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('instruments = ["EURUSD"]', "user_id: Field required"),
        ('user_id = "u-17"', "name at least one instrument"),
        ('user_id = "u-17"\ninstrument = ["EURUSD"]', "instrument: Extra inputs are not permitted"),
        ('user_id = "u-17"\ninstruments = ["EURUSD"]\n[commission_per_lot]\nGOLD = 1', "names what is not published"),
        ('user_id = "u-17"\ninstruments = ["EURUSD"]\npassword = "p"', "needs login and server"),
        ("user_id = ", "Invalid value"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in fault(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml")
