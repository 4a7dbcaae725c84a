"""Admission: same log, same results, and no message that breaks it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fraud.messages.admission import AdmissionFilter, Admitted, Refused, dead_letter_headers
from fraud.settings import AdmissionSettings
from tests.definitions import V1

NOW = 1_700_000_000_000
SETTINGS = AdmissionSettings()
LATENESS_MS = SETTINGS.lateness // timedelta(milliseconds=1)
SKEW_MS = SETTINGS.clock_skew // timedelta(milliseconds=1)


def message(**changes: Any) -> bytes:
    fields = {
        "transaction_id": "t", "card_id": "c", "merchant_id": "m",
        "amount": "12.34", "currency": "EUR", "timestamp": NOW,
    } | changes  # fmt: skip
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def reason(value: bytes | None, kafka_timestamp: int = NOW) -> str:
    result = AdmissionFilter(V1, SETTINGS).validate(value, kafka_timestamp)
    assert isinstance(result, Refused), result
    return result.reason


@pytest.mark.parametrize("amount", ["12.34", 12.34, "12.340"])
def test_amounts_come_as_text_or_number(amount: object) -> None:
    result = AdmissionFilter(V1, SETTINGS).validate(message(amount=amount), NOW)

    assert isinstance(result, Admitted)
    assert result.amount == 1_234


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "empty"),
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "object"),
        (message(card_id=...), "card_id"),
        (message(card_id=""), "length"),
        (message(card_id="c" * 65), "length"),
        (message(card_id=7), "card_id"),
        (message(amount="-0.01"), "outside"),
        (message(amount="100000000.01"), "outside"),
        (message(amount="0.001"), "more decimals"),
        (message(amount="NaN"), "finite"),
        (message(amount="1e400000"), "amount"),
        (message(amount="1e999999999999"), "amount"),
        (message(amount=True), "amount"),
        (message(currency="eur"), "currency"),
        (message(currency="E1R"), "currency"),
        (message(currency="EUR\n"), "length"),
        (message(timestamp=0), "earliest"),
        (message(timestamp=1.5), "timestamp"),
        (message(timestamp=2**70), "timestamp"),
        (message(latitude=91), "latitude"),
        (message(note="x" * 70_000), "bytes"),
    ],
)
def test_what_does_not_count_is_refused_with_a_reason(value: bytes | None, words: str) -> None:
    assert words in reason(value)


def test_the_bounds_themselves_are_let_in() -> None:
    admission = AdmissionFilter(V1, SETTINGS)
    at_bounds = [
        admission.validate(message(timestamp=NOW + SKEW_MS), NOW),
        admission.validate(message(timestamp=NOW + SKEW_MS - LATENESS_MS), NOW),
        admission.validate(message(amount="1000000.00"), NOW),
        admission.validate(message(amount="0"), NOW),
    ]
    assert all(isinstance(result, Admitted) for result in at_bounds)


def test_one_beyond_the_bounds_is_refused() -> None:
    admission = AdmissionFilter(V1, SETTINGS, max_event_time=NOW)

    ahead = admission.validate(message(timestamp=NOW + SKEW_MS + 1), NOW)
    behind = admission.validate(message(timestamp=NOW - LATENESS_MS - 1), NOW)

    assert isinstance(ahead, Refused)
    assert "ahead" in ahead.reason
    assert isinstance(behind, Refused)
    assert "behind" in behind.reason
    assert admission.max_event_time == NOW


def test_a_refused_message_moves_nothing() -> None:
    admission = AdmissionFilter(V1, SETTINGS)

    admission.validate(message(timestamp=NOW, amount="-1"), NOW)

    assert admission.max_event_time == 0


_times = st.integers(NOW - 2 * LATENESS_MS, NOW + 2 * SKEW_MS)


@given(st.lists(st.tuples(_times, _times), max_size=30), st.integers(0, 30))
def test_a_filter_can_continue_anywhere_in_the_log(log: list[tuple[int, int]], cut: int) -> None:
    def results(admission: AdmissionFilter, part: list[tuple[int, int]]) -> list[bool]:
        return [isinstance(admission.validate(message(timestamp=at), stamp), Admitted) for at, stamp in part]

    whole = AdmissionFilter(V1, SETTINGS)
    expected = results(whole, log)

    first = AdmissionFilter(V1, SETTINGS)
    before = results(first, log[:cut])
    second = AdmissionFilter(V1, SETTINGS, state=first.state)

    assert before + results(second, log[cut:]) == expected
    assert second.max_event_time == whole.max_event_time


@given(st.binary(max_size=200), st.integers(0, 2**62))
@example(
    b'{"transaction_id":"\\ud800","card_id":"c","merchant_id":"m","amount":1,"currency":"EUR","timestamp":1}',
    1,
)
def test_no_bytes_break_it(value: bytes, kafka_timestamp: int) -> None:
    assert isinstance(AdmissionFilter(V1, SETTINGS).validate(value, kafka_timestamp), Admitted | Refused)


_json_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.decimals().map(str),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip
_fields = [
    "transaction_id",
    "card_id",
    "merchant_id",
    "amount",
    "currency",
    "timestamp",
    "country",
    "latitude",
]


@given(st.dictionaries(st.sampled_from(_fields), _json_values))
def test_no_values_break_it_and_what_is_let_in_can_be_encoded(changes: dict[str, Any]) -> None:
    result = AdmissionFilter(V1, SETTINGS).validate(message(**changes), NOW)

    if isinstance(result, Admitted):
        assert 0 <= result.amount <= SETTINGS.max_amount
        assert result.transaction.card_id.encode()


def test_a_dead_letter_has_its_reason_and_position() -> None:
    headers = dead_letter_headers("x" * 2_000 + "é", "transactions", 3, 17, NOW)

    assert headers == {
        "error": b"x" * 1_000,
        "topic": b"transactions",
        "partition": b"3",
        "offset": b"17",
        "time": str(NOW).encode(),
    }
