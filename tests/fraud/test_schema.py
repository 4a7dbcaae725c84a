"""Money is exact, and the Arrow schemas follow the messages."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.schema import (
    LABEL_ARROW,
    Label,
    from_minor,
    is_currency,
    minor_digits,
    to_minor,
    transaction_arrow,
)
from tests.definitions import EXTENDED, V1

currencies = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLP", "TND"])


@given(st.integers(-(10**15), 10**15), currencies)
def test_minor_units_and_decimals_are_inverse(minor: int, currency: str) -> None:
    assert to_minor(from_minor(minor, currency), currency) == minor


@given(st.integers(0, 10**12), currencies, st.integers(0, 20))
def test_zeros_at_the_end_change_nothing(minor: int, currency: str, zeros: int) -> None:
    text = f"{from_minor(minor, currency):f}"
    padded = f"{text}{'' if '.' in text else '.'}{'0' * zeros}"

    assert to_minor(Decimal(padded), currency) == minor


@given(st.integers(1, 9), currencies, st.integers(1, 60))
def test_no_fraction_of_a_minor_unit_is_rounded_away(digit: int, currency: str, depth: int) -> None:
    fraction = Decimal(digit).scaleb(-minor_digits(currency) - depth)
    with pytest.raises(ValueError, match="amount"):
        to_minor(Decimal(f"123456.{'0' * (minor_digits(currency) + depth - 1)}{digit}"), currency)
    with pytest.raises(ValueError, match="amount"):
        to_minor(fraction, currency)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400000", "1e999999999999", "9" * 4_000]
)
def test_absurd_amounts_are_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        to_minor(Decimal(text), "USD")


@pytest.mark.parametrize(
    ("code", "expected"), [("USD", True), ("usd", False), ("US1", False), ("ÄÖÜ", False), ("   ", False)]
)
def test_currencies_are_capitals(code: str, expected: bool) -> None:
    assert is_currency(code) is expected


def test_arrow_schemas_hold_the_position_and_every_field() -> None:
    position = ["partition", "offset", "kafka_timestamp"]
    labels = msgspec.structs.fields(Label)
    assert LABEL_ARROW.names == [*position, *(one.name for one in labels)]
    assert [LABEL_ARROW.field(one.name).nullable for one in labels] == [not one.required for one in labels]
    for definitions in (V1, EXTENDED):
        schema, fields = transaction_arrow(definitions), definitions.fields
        assert schema.names == [*position, *(one.name for one in fields)]
        assert [schema.field(one.name).nullable for one in fields] == [one.is_optional for one in fields]


def test_a_transaction_has_no_place_for_its_label() -> None:
    assert not {"is_fraud", "label", "fraud"} & set(transaction_arrow(V1).names)
