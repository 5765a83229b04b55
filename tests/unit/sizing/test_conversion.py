"""How the catalogue converts: directly, by an inverse, through one currency, and by the entry's own price."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from shared.sizing.catalogue import CATALOGUE
from shared.sizing.conversion import Conversion, convert, read_rates, unit_ratio
from tests.unit.sizing.examples import account, candidate, dial, one_entry, reply, request, situation


def converted(source: str, target: str, **rates: str) -> Conversion | None:
    """A conversion by these rates."""
    return convert(source, target, read_rates({pair: Decimal(rate) for pair, rate in rates.items()}))


def test_a_rate_serves_both_ways() -> None:
    assert converted("GBP", "USD", GBPUSD="1.25") == Conversion(Fraction("1.25"), ("GBPUSD",))
    assert converted("USD", "GBP", GBPUSD="1.25") == Conversion(Fraction("0.8"), ("1/GBPUSD",))


def test_a_currency_is_worth_itself() -> None:
    assert converted("USD", "USD", USDUSD="2") == Conversion(Fraction(1))


def test_direct_comes_before_inverse_before_a_chain() -> None:
    assert converted("USD", "GBP", USDGBP="0.7", GBPUSD="1.25", EURUSD="1", EURGBP="9") == Conversion(
        Fraction("0.7"), ("USDGBP",)
    )
    assert converted("USD", "GBP", GBPUSD="1.25", EURUSD="1", EURGBP="9") == Conversion(Fraction("0.8"), ("1/GBPUSD",))


def test_of_several_chains_the_dearer_one_counts() -> None:
    found = converted("USD", "GBP", EURUSD="1.25", EURGBP="0.9", USDCHF="0.9", GBPCHF="1.2")

    # By the euro 0.9 / 1.25 = 0.72, by the franc 0.9 / 1.2 = 0.75.
    assert found == Conversion(Fraction("0.75"), ("USDCHF", "1/GBPCHF"))


def test_a_chain_of_three_is_not_made() -> None:
    assert converted("USD", "GBP", USDCHF="0.9", CHFJPY="170", GBPJPY="190") is None


def test_pence_and_cents_are_hundredths() -> None:
    assert unit_ratio("GBX", "GBP") == Fraction(1, 100)
    assert unit_ratio("USD", "USX") == 100
    assert unit_ratio("GBX", "USX") is None
    assert converted("USD", "GBX", GBPUSD="1.25") == Conversion(Fraction(80), ("1/GBPUSD",))
    assert converted("USD", "GBP", USDGBX="80") == Conversion(Fraction("0.8"), ("USDGBP",))
    assert converted("GBX", "USD", GBPUSD="1.25") == Conversion(Fraction("0.0125"), ("GBPUSD",))
    assert converted("GBP", "USD", GBXUSD="0.0125") == Conversion(Fraction("1.25"), ("GBPUSD",))
    assert converted("GBX", "USX", GBPUSD="1.25") == Conversion(Fraction("1.25"), ("GBPUSD",))


@pytest.mark.parametrize("other", ["GBXUSD", "GBPUSX", "GBXUSX"])
def test_a_rate_of_whole_currencies_comes_before_one_of_hundredths(other: str) -> None:
    assert converted("GBP", "USD", **{other: "7", "GBPUSD": "1.25"}) == Conversion(Fraction("1.25"), ("GBPUSD",))


def test_the_catalogue_has_the_majors_the_crosses_and_two_metals() -> None:
    assert len(CATALOGUE) == 28 + 3
    assert {"EURUSD", "GBPUSD", "AUDUSD", "NZDUSD", "USDCAD", "USDCHF", "USDJPY", "AUDNZD", "GBPAUD"} < set(CATALOGUE)
    assert CATALOGUE["GOLD"] == CATALOGUE["XAUUSD"]
    assert {name: contract.contract_size for name, contract in CATALOGUE.items() if contract.base[0] == "X"} == {
        "XAUUSD": 100,
        "GOLD": 100,
        "XAGUSD": 5000,
    }


@pytest.mark.parametrize(
    ("instrument", "entry_price", "stop_loss", "volume", "margin"),
    [
        # Half of 3 % of 50,000 is 750. Gold: 5 × 100 = 500 a lot; 1.50 lots; 100 × 1950 / 100 × 1.5.
        ("XAUUSD", "1950", "1945", "1.50", "2925.00"),
        ("GOLD", "1950", "1945", "1.50", "2925.00"),
        # Silver: 0.50 × 5,000 = 2,500 a lot: 0.30; 5,000 × 25 / 100 × 0.3.
        ("XAGUSD", "25.00", "24.50", "0.30", "375.00"),
        # EURUSD: 0.0050 × 100,000 = 500 a lot: 1.50; 1,000 EUR × 1.0852 × 1.5.
        ("EURUSD", "1.0852", "1.0802", "1.50", "1627.80"),
    ],
)
def test_standard_contracts_on_a_dollar_account(
    instrument: str, entry_price: str, stop_loss: str, volume: str, margin: str
) -> None:
    answer = reply(
        one_entry(entry_price, stop_loss, instrument=instrument), situation(candidate(account(currency="USD")))
    )

    assert format(answer.positions[0].volume, "f") == volume
    assert format(answer.positions[0].margin_required, "f") == margin
    assert answer.symbol is None


def test_the_dollar_pair_of_a_dollar_account_loses_at_the_stop() -> None:
    # USDJPY: 1.00 × 100,000 / 149.00 = 671.14 dollars a lot; 750 buy 1.11.
    answer = reply(one_entry("150", "149", instrument="USDJPY"), situation(candidate(account(currency="USD"))))

    assert answer.positions[0].loss_per_lot == Decimal("671.15")
    assert answer.positions[0].volume == Decimal("1.11")
    assert answer.positions[0].margin_required == 1110  # 1,000 dollars a lot


def test_each_entry_converts_by_its_own_price() -> None:
    # A cross on a dollar account: EURGBP at 0.80 and 0.75 with EURUSD 1.20 make GBPUSD 1.50 and 1.60.
    entries = [{"entry_price": "0.80", "stop_loss": "0.79"}, {"entry_price": "0.75", "stop_loss": "0.74"}]
    asked = request(instrument="EURGBP", entries=entries, conversion_rates={"EURUSD": "1.2"})

    answer = reply(asked, situation(candidate(account(currency="USD"))))

    assert [position.loss_per_lot for position in answer.positions] == [1500, 1600]


def test_the_price_of_a_metal_is_a_link_to_its_price_in_pounds() -> None:
    # 1 dollar is 1500 / 1950 and 20 / 25 pounds: 5 × 100 × 1500 / 1950 = 384.615… and 0.50 × 5,000 × 20 / 25 = 2,000.
    rates = {"XAUGBP": "1500", "XAGGBP": "20"}
    held = situation(candidate(account()))

    gold = reply(one_entry("1950", "1945", instrument="XAUUSD", conversion_rates=rates), held)
    silver = reply(one_entry("25.00", "24.50", instrument="XAGUSD", conversion_rates=rates), held)

    assert gold.positions[0].loss_per_lot == Decimal("384.62")
    assert silver.positions[0].loss_per_lot == 2_000


@pytest.mark.parametrize("sent", [{"EURUSD": "9"}, {"USDEUR": "0.5"}])
def test_the_entrys_own_price_is_the_rate_of_its_own_pair_whatever_was_sent(sent: dict[str, str]) -> None:
    rates = {"GBPUSD": "1.27", **sent}
    held = account(balance=Decimal(78_800))
    asked = one_entry("1.0852", "1.0802", instrument="EURUSD", conversion_rates=rates)

    answer = reply(asked, situation(candidate(held), configuration=dial("1")))

    assert answer.positions[0].margin_required == Decimal("854.49")


def test_a_loss_converts_by_the_entrys_own_price_and_not_by_its_inverse_that_was_sent() -> None:
    asked = one_entry("1.0852", "1.0802", instrument="EURUSD", conversion_rates={"EURGBP": "0.86", "USDEUR": "0.5"})

    answer = reply(asked, situation(candidate(account())))

    assert answer.positions[0].loss_per_lot == Decimal("396.25")  # 500 / 1.0852 × 0.86 = 396.2403…


def test_pence_accounts_are_sized_in_pence() -> None:
    pounds = reply(one_entry("1.30", "1.25", instrument="GBPUSD"), situation(candidate(account())))
    held = account(currency="GBX", balance=Decimal(5_000_000), margin_free=Decimal(4_350_000))
    pence = reply(one_entry("1.30", "1.25", instrument="GBPUSD"), situation(candidate(held)))

    assert pounds.positions[0].loss_per_lot == 4_000  # 0.05 × 100,000 / 1.25
    assert pence.positions[0].loss_per_lot == 400_000
    assert pence.positions[0].volume == pounds.positions[0].volume == Decimal("0.18")
