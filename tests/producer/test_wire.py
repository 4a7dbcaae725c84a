"""The wire: what is encoded is what the contract decodes."""

import msgspec
import pyarrow as pa
import pytest

from fraud.errors import ConfigurationError
from fraud.schema import Label, to_minor
from producer.simulator import DayOfTraffic
from producer.simulator.tables import LABELS, require_simulated, simulated_schema
from producer.transaction_schema import transaction_schema
from producer.wire import label_messages, transaction_messages
from tests.definitions import EXTENDED, V1, V1Transaction
from tests.producer.definitions import EVERY_TYPE


def test_transactions_decode_to_what_was_encoded(traffic: list[DayOfTraffic]) -> None:
    table = traffic[0].transactions
    messages = transaction_messages(V1, table)
    decoder = msgspec.json.Decoder(V1Transaction, strict=True)

    rows = table.to_pylist()

    assert len(messages) == len(rows)
    for row, key, value, time in zip(rows, messages.keys, messages.values, messages.timestamps, strict=True):
        decoded = decoder.decode(value)
        assert to_minor(decoded.amount, decoded.currency) == row.pop("amount")
        assert {name: getattr(decoded, name) for name in row} == row
        assert (key, time) == (row["card_id"].encode(), row["timestamp"])


def test_labels_decode_to_what_was_encoded(labels: pa.Table) -> None:
    messages = label_messages(labels)

    decoded = [msgspec.to_builtins(msgspec.json.decode(value, type=Label)) for value in messages.values]

    rows = labels.to_pylist()
    kinds = [row.pop("fraud_type") for row in rows]
    assert decoded == rows
    # and the kind of fraud is beside the label, not in it
    assert messages.headers == [[("fraud_type", kind.encode())] if kind else None for kind in kinds]
    assert any(kinds)
    assert messages.timestamps == labels["reported_at"].to_pylist()
    assert messages.keys == [card.encode() for card in labels["card_id"].to_pylist()]


def test_an_absent_field_is_left_out_and_money_has_the_currency_s_decimals() -> None:
    table = _transactions(
        {"currency": "EUR", "amount": 1205},
        {"currency": "JPY", "amount": 1205},
        {"currency": "KWD", "amount": 5},
        {"currency": "EUR", "amount": 7, "latitude": -0.00001, "longitude": 12.5},
    )

    values = [value.decode() for value in transaction_messages(V1, table).values]

    assert '"amount":12.05,' in values[0]
    assert '"amount":1205,' in values[1]
    assert '"amount":0.005,' in values[2]
    assert '"amount":0.07,' in values[3]
    assert "latitude" not in values[0]
    assert msgspec.json.decode(values[3])["latitude"] == -0.00001


def test_hostile_texts_are_escaped() -> None:
    hostile = 'a"},{"card_id":"\\\u0000\n\u00e9\U0001f4a3'

    table = _transactions({"merchant_id": hostile}, {"merchant_id": "plain"}, {"channel": hostile})

    values = transaction_messages(V1, table).values
    decoded = [msgspec.json.decode(value, type=V1Transaction) for value in values]
    assert [one.merchant_id for one in decoded] == [hostile, "plain", "m"]
    assert [one.channel for one in decoded] == [None, None, hostile]


def test_no_rows_give_no_messages() -> None:
    assert len(transaction_messages(V1, simulated_schema().empty_table())) == 0
    assert len(label_messages(LABELS.empty_table())) == 0


def _transactions(*rows: dict[str, object]) -> pa.Table:
    base = {
        "transaction_id": "t",
        "card_id": "c",
        "merchant_id": "m",
        "amount": 100,
        "currency": "EUR",
        "timestamp": 1_000,
    }
    return pa.Table.from_pylist([base | row for row in rows], schema=simulated_schema())


def test_nested_fields_are_nested_and_an_object_without_members_is_left_out() -> None:
    # given payments of which the first has nothing of its device, the second only the country of its IP
    base = _transactions({}, {}).to_pylist()[0] | {"entry_mode": "chip"}
    rows = [
        base,
        base
        | {
            "ip_country": "DE",
            "rate": -125,
            "balance": -205,
            "is_present": False,
            "v2": 0.5,
            "latitude": 1.5,
        },
        base | {"device_id": 'd"1', "opened_at": 5, "rate": 125},
    ]
    table = pa.Table.from_pylist(rows, schema=transaction_schema(EVERY_TYPE))
    # when they are written
    values = [msgspec.json.decode(value) for value in transaction_messages(EVERY_TYPE, table).values]
    # then each value is where its path says, in its own type
    plain = {
        "transaction_id": "t",
        "merchant_id": "m",
        "amount": 1.0,
        "currency": "EUR",
        "timestamp": 1_000,
        "entry_mode": "chip",
        "card": {"token": "c"},
    }
    assert values == [
        plain,
        plain | {"device": {"ip": {"country": "DE"}}, "rate": -0.0125, "balance": -2.05, "is_present": False,
                 "V2": 0.5, "shop": {"latitude": 1.5}},
        plain | {"device": {"fingerprint": 'd"1'}, "opened_at": 5, "rate": 0.0125},
    ]  # fmt: skip


def test_a_column_that_a_table_lacks_is_absent() -> None:
    # given a simulated payment and definitions that know a device
    table = _transactions({"channel": "pos"})

    (value,) = transaction_messages(EXTENDED, table).values

    assert msgspec.json.decode(value)["channel"] == "pos"
    assert b"device" not in value


def test_payments_of_other_definitions_are_simulated_where_that_is_possible() -> None:
    require_simulated(EXTENDED)

    with pytest.raises(ConfigurationError, match="knows no entry_mode, which is required there"):
        require_simulated(EVERY_TYPE)
