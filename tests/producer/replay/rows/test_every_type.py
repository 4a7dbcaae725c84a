"""Rows with fields of every type: read, refused, left out, and never a dead letter later."""

from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import AdmissionSettings
from producer.replay.mapping.columns import FieldSource, resolve
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.conform import conform_transactions
from producer.transaction_schema import transaction_schema
from producer.wire import transaction_messages
from tests.producer.definitions import EVERY_TYPE

NOW = 1_700_000_000_000
LIMITS = AdmissionLimits(earliest=946_684_800_000, latest=NOW, max_amount=100_000_000)
GOOD = {
    "transaction_id": "t1",
    "card.token": "c1",
    "merchant_id": "m1",
    "amount": "12.50",
    "currency": "EUR",
    "timestamp": str(NOW),
    "entry_mode": "chip",
}


def conform(rows: list[dict[str, Any]], **mapping: FieldSource) -> tuple[pa.Table, Any]:
    names = dict.fromkeys(name for row in rows for name in row)
    batch = pa.record_batch({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    columns = resolve(mapping, batch.schema.names, EVERY_TYPE.fields)
    conformed, findings = conform_transactions(EVERY_TYPE, batch, columns, LIMITS)
    return pa.Table.from_batches([conformed]), findings


@pytest.mark.parametrize(
    ("column", "written", "field", "value"),
    [
        ("device.fingerprint", " d-1 ", "device_id", "d-1"),
        ("device_id", "d-1", "device_id", "d-1"),
        ("device_id", "123.0", "device_id", "123"),
        ("device_id", "NULL", "device_id", None),
        ("device.ip.country", "Germany", "ip_country", "DE"),
        ("ip_country", "NA", "ip_country", "NA"),
        ("balance", "-1.5", "balance", -150),
        ("balance", "€ 7", "balance", 700),
        ("home_currency", "usd", "home_currency", "USD"),
        ("opened_at", "2020-01-01", "opened_at", 1_577_836_800_000),
        ("age", "41.5", "age", 41.5),
        ("age", "nan", "age", None),
        ("rate", "-0.125", "rate", -1250),
        ("rate", "1e-2", "rate", 100),
        ("is_present", "Y", "is_present", True),
        ("V2", "-1.5e-3", "v2", -0.0015),
        ("shop.latitude", "48.5", "latitude", 48.5),
    ],
)
def test_a_column_is_read_by_its_field_s_type(column: str, written: str, field: str, value: object) -> None:
    table, findings = conform([GOOD | {column: written}])

    assert not findings.reasons
    assert not any(findings.left_out.values())
    assert table[field].to_pylist() == [value]


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("device_id", "4.11E+15", "device_id '4.11E+15' is a rounded number"),
        ("device_id", "d" * 65, "is longer than 64"),
        ("ip_country", "Atlantis", "ip_country 'Atlantis' is longer than 2"),
        ("balance", "-500.01", "balance '-500.01' is below -500"),
        ("balance", "1.234", "balance 1.234 has more decimals than EUR knows"),
        ("balance", "99999999999999", "has more than 1000000000000 units"),
        ("discount", "-99999999999999", "has more than 1000000000000 units"),
        ("balance", "some", "balance 'some' is not a number"),
        ("home_currency", "euro", "home_currency 'euro' is not a code of three capitals"),
        ("opened_at", "soon", "opened_at 'soon' cannot be read"),
        ("opened_at", "1890-01-01", "opened_at -2524521600000 is below 0"),
        ("age", "131", "age 131.0 is above 130"),
        ("age", "1e999", "age '1e999' is not a finite number"),
        ("age", "forty", "age 'forty' cannot be read"),
        ("rate", "0.00001", "rate 0.00001 has more decimals than its scale of 4 knows"),
        ("rate", "1.0001", "rate '1.0001' is above 1"),
        ("is_present", "maybe", "is_present 'maybe' cannot be read"),
        ("V3", "x", "v3 'x' cannot be read"),
    ],
)
def test_an_optional_value_that_does_not_fit_is_left_out_with_its_reason(
    column: str, written: str, reason: str
) -> None:
    table, findings = conform([GOOD, GOOD | {column: written}])

    assert not findings.reasons
    ((field, reasons),) = findings.left_out.items()
    assert reason in reasons[1]
    assert table[field].to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("entry_mode", "reason"),
    [(None, "entry_mode is missing"), ("contactless", "entry_mode 'contactless' is longer than 8")],
)
def test_a_required_field_of_the_user_rejects_its_row(entry_mode: str | None, reason: str) -> None:
    _, findings = conform([GOOD | {"entry_mode": entry_mode}, GOOD])

    assert list(findings.reasons) == [0]
    assert reason in findings.reasons[0]


def test_signs_of_numbers_are_as_the_mapping_says() -> None:
    source = FieldSource(column="age", decimal=",", thousands=".")

    table, _ = conform([GOOD | {"age": "41,5", "rate": "0,12345"}], age=source,
                       rate=FieldSource(column="rate", decimal=",", round=True))  # fmt: skip

    assert table["age"].to_pylist() == [41.5]
    assert table["rate"].to_pylist() == [1234]  # half to even


@pytest.mark.parametrize("written", ["-12.50", "(12.50)", "12.50-"])
def test_a_refund_counts_where_the_definitions_have_refunds(written: str) -> None:
    # given definitions whose amounts may be below 0
    amount = replace(EVERY_TYPE.field_by_name["amount"], allows_refunds=True)
    fields = tuple(amount if one.name == "amount" else one for one in EVERY_TYPE.fields)
    refunding = replace(EVERY_TYPE, fields=fields)
    too_large = f"-{LIMITS.max_amount}"
    batch = pa.RecordBatch.from_pylist([GOOD | {"amount": written}, GOOD | {"amount": too_large}])
    # when a refund is read, and one above the limit
    columns = resolve({}, batch.schema.names, refunding.fields)
    conformed, findings = conform_transactions(refunding, batch, columns, LIMITS)
    # then the first is a transaction, and is written as one
    assert conformed["amount"].to_pylist()[0] == -1250
    assert list(findings.reasons) == [1]
    assert "is outside -€1,000,000.00 to €1,000,000.00" in findings.reasons[1]
    (value,) = transaction_messages(refunding, pa.Table.from_batches([conformed[:1]])).values
    assert b'"amount":-12.50,' in value


_number = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.decimals(-600, 600, places=3).map(str),
    st.text("0123456789.eE+-_, ", max_size=8),
)
_text = st.one_of(
    st.text(max_size=9), st.text(min_size=60, max_size=70), st.sampled_from(["DE", "NaN", "1.0"])
)
_rows = st.fixed_dictionaries(
    {"amount": _number, "entry_mode": _text, "card.token": _text},
    optional={
        "currency": st.sampled_from(["EUR", "JPY", "KWD", "eur", "XX"]),
        "device.fingerprint": _text,
        "device.ip.country": _text,
        "balance": _number,
        "discount": _number,
        "home_currency": st.one_of(_text, st.sampled_from(["USD", "ÄÖÜ"])),
        "opened_at": st.one_of(st.integers(-1, 2**62).map(str), st.just("2020-01-01")),
        "age": _number,
        "rate": _number,
        "is_present": st.sampled_from(["yes", "0", "", "?"]),
        "V1": _number,
        "V3": _number,
        "shop.latitude": _number,
    },
)


@given(st.lists(_rows, min_size=1, max_size=8))
def test_what_is_accepted_is_admitted_with_the_same_values(rows: list[dict[str, str]]) -> None:
    table, findings = conform([GOOD | row for row in rows])
    good = table.filter(pa.array(findings.good())).cast(transaction_schema(EVERY_TYPE))

    messages = transaction_messages(EVERY_TYPE, good)

    admission = AdmissionFilter(EVERY_TYPE, AdmissionSettings())
    for value, time, row in zip(messages.values, messages.timestamps, good.to_pylist(), strict=True):
        validated = admission.validate(value, time)
        assert isinstance(validated, Admitted), (validated, value)
        assert validated.values == tuple(row.values())
        assert None not in msgspec.json.decode(value).values()
