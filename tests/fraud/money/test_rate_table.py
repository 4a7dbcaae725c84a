"""Which rate a payment has."""

from datetime import UTC, date, datetime

import pytest

from fraud.money.conversion import UNKNOWN
from fraud.money.rate_table import RateTable, rate_table
from fraud.money.rates import RATE_DECIMALS, DailyRates, day_of

UNIT = 10**RATE_DECIMALS
THURSDAY, FRIDAY, MONDAY = date(2025, 3, 13), date(2025, 3, 14), date(2025, 3, 17)
DAILY = DailyRates(
    "EUR",
    {
        (day_of(THURSDAY), "USD"): 2 * UNIT,
        (day_of(FRIDAY), "USD"): 4 * UNIT,
        (day_of(MONDAY), "USD"): 5 * UNIT,
        (day_of(MONDAY), "JPY"): 100 * UNIT,
    },
)


@pytest.fixture(scope="module")
def table() -> RateTable:
    return rate_table(DAILY, max_age_days=7)


def at(day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2025, 3, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000


@pytest.mark.parametrize(
    ("time", "expected", "dated"),
    [
        (at(13, 23, 59), UNKNOWN, None),  # the first rate is of this very day
        (at(14, 0), 10_000, THURSDAY),
        (at(14, 23, 59), 10_000, THURSDAY),  # Friday's rate may come at any hour of Friday
        (at(15, 0), 5_000, FRIDAY),
        (at(16, 12), 5_000, FRIDAY),  # a weekend has no rates
        (at(17, 23, 59), 5_000, FRIDAY),
        (at(18, 0), 4_000, MONDAY),
        (at(24, 23, 59), 4_000, MONDAY),  # seven days old
        (at(25, 0), UNKNOWN, None),
        (0, UNKNOWN, None),
        (1 << 60, UNKNOWN, None),
    ],
)
def test_the_newest_rate_dated_before_the_day(
    table: RateTable, time: int, expected: int, dated: date | None
) -> None:
    assert table.convert(20_000, "USD", time) == expected
    assert table.rate_day("USD", time) == (None if dated is None else day_of(dated))


def test_each_currency_has_dates_of_its_own(table: RateTable) -> None:
    assert table.convert(500, "JPY", at(17, 12)) == UNKNOWN
    assert table.convert(500, "JPY", at(18, 12)) == 500  # 500 JPY at 100 are 5.00 EUR


def test_the_base_needs_no_rate(table: RateTable) -> None:
    for time in (0, at(14, 0), 1 << 60):
        assert table.convert(12_345, "EUR", time) == 12_345
        assert table.rate_day("EUR", time) is None


def test_a_currency_without_rates_is_unknown(table: RateTable) -> None:
    for code in ("GBP", "XXX", "eur", ""):
        assert table.convert(500, code, at(14, 0)) == UNKNOWN
        assert table.rate_day(code, at(14, 0)) is None


def test_a_renewed_file_does_not_change_the_rates_of_days_that_have_started(table: RateTable) -> None:
    # given the file as it was on Friday
    known = {key: rate for key, rate in DAILY.rates.items() if key[0] <= day_of(FRIDAY)}
    before = rate_table(DailyRates("EUR", known), max_age_days=7)
    # when Monday's rates have been appended
    for hour in range(24 * 4):
        time = at(14, 0) + hour * 3_600_000
        # then every payment up to Monday's end has the rate that it had
        assert table.convert(777, "USD", time) == before.convert(777, "USD", time)
