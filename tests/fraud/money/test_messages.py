"""Rates as messages: what is taken, corrected, removed and left out."""

import json
import logging
from dataclasses import dataclass
from typing import Any, cast

import pytest

from fraud.money.messages import RateMessages, rate_message
from fraud.money.rates import date_of

DAY = 20_000
GOOD = {"base": "EUR", "currency": "USD", "date": str(date_of(DAY)), "rate": 2}


@dataclass(frozen=True)
class RateRecord:
    """A message as Kafka's client gives it."""

    pair: tuple[bytes | None, bytes | None]

    def key(self) -> bytes | None:
        return self.pair[0]

    def value(self) -> bytes | None:
        return self.pair[1]

    def offset(self) -> int:
        return 7

    def partition(self) -> int:
        return 0

    def topic(self) -> str:
        return "rates"


def applied(*pairs: tuple[bytes | None, bytes | None]) -> RateMessages:
    rates = RateMessages("EUR")
    for pair in pairs:
        rates.apply(cast(Any, RateRecord(pair)))
    return rates


def pair_of(**changed: object) -> tuple[bytes, bytes]:
    value = GOOD | changed
    return f"{value['currency']}/{value['date']}".encode(), json.dumps(value).encode()


def test_what_is_written_is_read() -> None:
    found = applied(rate_message("EUR", DAY, "USD", 1_088_300_000), rate_message("EUR", DAY, "JPY", 1))
    assert found.daily().rates == {(DAY, "USD"): 1_088_300_000, (DAY, "JPY"): 1}
    assert found.refused == 0


def test_a_later_message_corrects_and_an_empty_one_removes() -> None:
    first, second = rate_message("EUR", DAY, "USD", 1), rate_message("EUR", DAY + 1, "USD", 2)
    assert applied(first, second, (first[0], rate_message("EUR", DAY, "USD", 3)[1])).daily().rates == {
        (DAY, "USD"): 3, (DAY + 1, "USD"): 2
    }  # fmt: skip
    assert applied(first, second, (first[0], None)).daily().rates == {(DAY + 1, "USD"): 2}


@pytest.mark.parametrize("rate", [1.0883, "1.0883", "1.08830"])
def test_a_rate_may_be_a_number_or_a_text(rate: object) -> None:
    assert applied(pair_of(rate=rate)).daily().rates == {(DAY, "USD"): 1_088_300_000}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (pair_of(base="CHF"), "its base is CHF, and the definitions have EUR"),
        (pair_of(currency="EUR"), "EUR is the base, which needs no rate"),
        (pair_of(currency="XXZ"), "currency 'XXZ' is unknown"),
        (pair_of(date="2025-3-14"), "is no date"),
        (pair_of(rate=0), "the rate is 0"),
        (pair_of(rate=-1), "no positive decimal number"),
        (pair_of(rate="1e400"), "not below"),
        (pair_of(rate="1e999999999999999999"), "no positive decimal number"),
        (pair_of(rate="0e-999999999999999999"), "no positive decimal number"),
        (pair_of(date="2925-03-14"), "2925-03-14 is in the future"),
        (pair_of(rate="NaN"), "the rate is no number"),
        (pair_of(rate="1.0000000001"), "more than 9 decimals"),
        ((b"GBP/2025-01-01", pair_of()[1]), "its key is b'GBP/2025-01-01', where its value says USD/"),
        ((None, pair_of()[1]), "its key is b''"),
        ((pair_of()[0], b"{}"), "missing"),
        ((pair_of()[0], b"\xff"), "UTF-8"),
        ((b"nothing", None), "currency 'nothing' is unknown"),
    ],
)
def test_what_is_no_rate_is_left_out_and_said(
    pair: tuple[bytes, bytes], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    # given a rate, when something else follows
    with caplog.at_level(logging.WARNING):
        found = applied(rate_message("EUR", DAY, "USD", 1), pair)
    # then
    assert found.daily().rates == {(DAY, "USD"): 1}
    assert found.refused == 1
    assert said in caplog.text
