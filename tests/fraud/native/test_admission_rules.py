"""The rules that admission and the JSON reader share: readable definitions, and compiled against plain."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud.messages.admission import AdmissionFilter
from fraud.native import json_reader
from fraud.native.admission_rules import (
    LETTERS,
    Limits,
    currency_index,
    is_amount_allowed,
    is_time_allowed,
)
from fraud.schema import currency_index_of, is_currency
from fraud.settings import AdmissionSettings
from tests.definitions import V1

LIMITS = AdmissionFilter(V1, AdmissionSettings()).limits
CAPITALS = st.integers(ord("A"), ord("Z"))


@given(st.tuples(CAPITALS, CAPITALS, CAPITALS), st.tuples(CAPITALS, CAPITALS, CAPITALS))
def test_codes_have_their_own_index_in_alphabetic_order(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    first, second = currency_index(*one), currency_index(*other)
    assert 0 <= first < LETTERS**3
    assert (first < second, first == second) == (one < other, one == other)


@given(st.text(max_size=4))
@example("EUR")
@example("eur")
@example("ÄÖÜ")
@example("E1R")
def test_a_currency_is_three_ascii_capitals(code: str) -> None:
    expected = len(code) == 3 and all("A" <= letter <= "Z" for letter in code)
    assert is_currency(code) == expected
    assert (currency_index_of(code) >= 0) == expected


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
@example(ord("E"), ord("U"), ord("R"))
def test_compiled_code_has_the_same_index(first: int, second: int, third: int) -> None:
    letters = np.array([first, second, third], dtype=np.uint8)
    assert json_reader._currency_index(*letters) == currency_index(first, second, third)


@settings(deadline=None)
@given(st.integers(-2, 1 << 60), st.sampled_from(["EUR", "JPY", "KWD", "XXX"]), st.integers(-1, 1))
def test_an_amount_is_allowed_from_zero_to_the_limit(amount: int, code: str, beyond: int) -> None:
    currency = currency_index_of(code)
    limit = int(LIMITS.max_amounts[currency])
    for one in (amount, limit + beyond):
        expected = 0 <= one <= limit
        assert is_amount_allowed(LIMITS, one, currency) == expected
        assert json_reader._is_amount_allowed(LIMITS, one, currency) == expected


@pytest.mark.parametrize(("time", "expected"), [(999, False), (1_000, True), (5_010, True), (5_011, False)])
def test_a_time_is_allowed_between_the_earliest_and_kafkas(time: int, expected: bool) -> None:
    limits = Limits(100, np.zeros(1, dtype=np.int64), 1_000, 10, 0, 0, 0, 0, np.zeros(0, dtype=np.bool_))
    assert is_time_allowed(limits, time, 5_000) == expected
    assert json_reader._is_time_allowed(limits, time, 5_000) == expected
