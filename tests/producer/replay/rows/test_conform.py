"""Rows against the limits of admission."""

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import AdmissionSettings
from producer.replay.mapping.columns import resolve
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.conform import conform_transactions
from tests.definitions import V1

NOW = 1_700_000_000_000
LIMITS = AdmissionLimits(earliest=946_684_800_000, latest=NOW, max_amount=100_000_000)
GOOD = {
    "transaction_id": "t1",
    "card_id": "c1",
    "merchant_id": "m1",
    "amount": "12.50",
    "currency": "EUR",
    "timestamp": str(NOW),
}


def conform(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[int, str]]:
    names = dict.fromkeys(name for row in rows for name in row)
    batch = pa.record_batch({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    columns = resolve({}, batch.schema.names, V1.fields)
    conformed, findings = conform_transactions(V1, batch, columns, LIMITS)
    return conformed.to_pylist(), findings.reasons


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("amount", "12,50", "amount '12,50' is not a number"),
        ("amount", "1.234", "amount 1.234 has more decimals than EUR knows"),
        ("amount", "-1", "a refund: amount '-1' is below 0"),
        ("amount", "NaN", "amount"),
        ("amount", None, "amount is missing"),
        ("amount", "1e400000", "amount"),
        ("currency", "$", "currency"),
        ("card_id", None, "card_id is missing"),
        ("card_id", "", "card_id"),
        ("merchant_id", "m" * 65, "is longer than 64"),
        ("timestamp", "soon", "timestamp 'soon' cannot be read"),
        ("timestamp", "1", "is before the earliest allowed"),
        ("timestamp", str(NOW + 1), "is in the future"),
    ],
)
def test_a_bad_value_spoils_its_row_with_a_reason(field: str, value: str | None, reason: str) -> None:
    _, reasons = conform([GOOD, GOOD | {field: value}, GOOD])

    assert list(reasons) == [1]
    assert reason in reasons[1]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("latitude", "91", "latitude 91.0 is above 90"),
        ("longitude", "west", "longitude 'west' cannot be read"),
        ("country", "Atlantis", "country 'Atlantis' is longer than 3"),
    ],
)
def test_a_bad_value_of_an_optional_field_is_left_out(field: str, value: str, reason: str) -> None:
    batch = pa.record_batch({name: pa.array([text, text]) for name, text in (GOOD | {field: value}).items()})

    columns = resolve({}, batch.schema.names, V1.fields)
    conformed, findings = conform_transactions(V1, batch, columns, LIMITS)

    assert not findings.reasons
    assert conformed[field].to_pylist() == [None, None]
    assert findings.left_out == {field: {0: reason, 1: reason}}


_texts = st.one_of(st.text(max_size=5), st.text(min_size=60, max_size=70), st.just("DE"))
_rows = st.fixed_dictionaries(
    {
        "transaction_id": _texts,
        "card_id": _texts,
        "merchant_id": _texts,
        "amount": st.one_of(
            st.decimals(allow_nan=True, allow_infinity=True).map(str),
            st.decimals(0, 1_000_000, places=2).map(str),
            st.text("0123456789.eE+-_ ", max_size=8),
        ),
        "currency": st.one_of(
            st.sampled_from(["USD", "JPY", "usd", "US1", "ÄÖÜ", "USD\n", "US"]), st.text(max_size=4)
        ),
        "timestamp": st.one_of(st.integers(-1, 2**62), st.integers(946_684_800_000, NOW)).map(str),
        "country": st.one_of(st.none(), _texts),
        "latitude": st.one_of(st.none(), st.floats(-100, 100).map(str)),
    }
)


@given(st.lists(_rows, min_size=1, max_size=10))
def test_what_is_accepted_passes_admission(rows: list[dict[str, str | None]]) -> None:
    conformed, reasons = conform([GOOD | row for row in rows])

    for number, row in enumerate(conformed):
        if number in reasons:
            continue
        amount = str(Decimal(row["amount"]).scaleb(-{"JPY": 0}.get(row["currency"], 2)))
        if row["currency"] not in ("USD", "JPY", "EUR"):
            amount = rows[number]["amount"].strip()  # type: ignore[union-attr]
        row_values = {name: value for name, value in row.items() if value is not None} | {"amount": amount}
        validated = AdmissionFilter(V1, AdmissionSettings()).validate(
            json.dumps(row_values).encode(), row["timestamp"]
        )
        assert isinstance(validated, Admitted), validated
        assert validated.amount == row["amount"]
