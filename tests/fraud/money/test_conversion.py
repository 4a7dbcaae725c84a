"""Amounts in the base: against fractions, and compiled against the readable reference."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud.definitions import fields
from fraud.money.batches import convert_amounts, rate_days
from fraud.money.conversion import DAY_MS, MAX_BASE_AMOUNT, UNKNOWN, convert
from fraud.money.rate_table import RateTable, rate_table
from fraud.money.rates import MAX_RATE, RATE_DECIMALS, DailyRates
from fraud.native.id_index import currency_number

LARGEST = (1 << 63) - 1
AMOUNTS = st.integers(-(10**12), 10**12) | st.integers(-LARGEST, LARGEST)
RATES = st.integers(1, MAX_RATE * 10**RATE_DECIMALS - 1) | st.integers(1, 10**11) | st.integers(1, 1_000)
EXPONENTS = st.integers(0, 13)
CODES = ("EUR", "USD", "JPY", "KWD", "XXX")


@settings(max_examples=2_000, deadline=None)
@given(AMOUNTS, RATES, EXPONENTS)
@example(1, 2 * 10**9, 9)
@example(3, 2 * 10**9, 9)
@example(-3, 2 * 10**9, 9)
@example(10**12, 10**9, 9)
@example(10**12, 10**9 - 1, 9)
@example(LARGEST, 1, 13)
@example(10**18, 10**6, 1)
@example(5, 1, 0)
def test_an_amount_is_the_fraction_rounded_half_to_even(amount: int, rate: int, exponent: int) -> None:
    exact = round(Fraction(amount * 10**exponent, rate))
    expected = exact if abs(exact) <= MAX_BASE_AMOUNT else UNKNOWN
    assert convert(amount, rate, exponent) == expected


class Int64(int):
    """A number that is not what compiled code would make of it if it leaves 64 signed bits."""

    def _checked(self, value: int) -> "Int64":
        if not -(1 << 63) <= value < 1 << 63:
            raise OverflowError(value)
        return Int64(value)

    def __neg__(self) -> "Int64":
        return self._checked(-int(self))

    def __add__(self, other: int) -> "Int64":
        return self._checked(int(self) + int(other))

    def __mul__(self, other: int) -> "Int64":
        return self._checked(int(self) * int(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: int) -> "Int64":
        return self._checked(int(self) // int(other))

    def __mod__(self, other: int) -> "Int64":
        return self._checked(int(self) % int(other))


@settings(max_examples=1_000, deadline=None)
@given(AMOUNTS | st.integers(LARGEST // 10 - 9, LARGEST // 10 + 9), RATES, EXPONENTS)
@example(LARGEST // 10 + 1, 10**9, 9)
@example(LARGEST // 9, 10**9, 9)
def test_no_number_on_the_way_needs_more_than_64_bits(amount: int, rate: int, exponent: int) -> None:
    assert convert(Int64(amount), Int64(rate), exponent) == convert(amount, rate, exponent)


def test_the_bounds_are_those_that_others_rely_on() -> None:
    assert UNKNOWN == fields.UNKNOWN == -(1 << 63)
    assert MAX_BASE_AMOUNT == 10**12


@pytest.mark.parametrize(
    ("amount", "rate", "exponent", "expected"),
    [
        (10_883, 1_088_300_000, 9, 10_000),  # 108.83 USD at 1.0883 are 100.00 EUR
        (16_000, 160_000_000_000, 11, 10_000),  # 16,000 JPY at 160 are 100.00 EUR
        (34_000, 340_000_000, 8, 10_000),  # 34.000 KWD at 0.34 are 100.00 EUR
        (-10_883, 1_088_300_000, 9, -10_000),
        (UNKNOWN, 1_088_300_000, 9, UNKNOWN),
        (10_883, 0, 9, UNKNOWN),
    ],
)
def test_currencies_with_two_none_and_three_decimals(
    amount: int, rate: int, exponent: int, expected: int
) -> None:
    assert convert(amount, rate, exponent) == expected


@pytest.fixture(scope="module")
def table() -> RateTable:
    unit = 10**RATE_DECIMALS
    daily = {(20_000, "USD"): unit * 11 // 10, (20_000, "JPY"): 160 * unit, (20_003, "KWD"): unit // 3}
    return rate_table(DailyRates("EUR", daily), max_age_days=3)


PAYMENTS = st.lists(
    st.tuples(
        st.just(UNKNOWN) | st.integers(-(10**12), 10**12),
        st.sampled_from(CODES),
        st.integers(19_998 * DAY_MS, 20_010 * DAY_MS) | st.sampled_from([0, 20_001 * DAY_MS - 1, 1 << 60]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(PAYMENTS)
def test_compiled_code_gives_the_same(table: RateTable, payments: list[tuple[int, str, int]]) -> None:
    # given
    values = np.array(
        [(amount, currency_number(code), time) for amount, code, time in payments], dtype=np.int64
    )
    values = values.reshape(-1, 3)
    expected = [table.convert(*payment) for payment in payments]
    lost = sum(new == UNKNOWN != payment[0] for new, payment in zip(expected, payments, strict=True))

    # when
    days = rate_days(table, values[:, 1], values[:, 2])
    missing = convert_amounts(table, values[:, 0], values[:, 1], values[:, 2])

    # then
    assert values[:, 0].tolist() == expected
    assert missing == lost
    assert days.tolist() == [
        -1 if day is None else day for day in (table.rate_day(code, time) for _, code, time in payments)
    ]


def test_what_is_no_currency_has_no_rate(table: RateTable) -> None:
    for number in (UNKNOWN, 0, currency_number("usd"), 1 << 40):
        amounts = np.array([500], dtype=np.int64)
        times = np.array([20_001 * DAY_MS], dtype=np.int64)
        assert convert_amounts(table, amounts, np.array([number], dtype=np.int64), times) == 1
        assert amounts.tolist() == [UNKNOWN]
