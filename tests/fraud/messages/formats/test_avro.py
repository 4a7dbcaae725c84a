"""Avro records become the values that JSON would have had."""

import json
import math
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.messages.decoding import MessageError
from fraud.messages.formats.avro import AvroDecoder
from fraud.messages.formats.values import to_json
from tests.fraud.messages.formats.registries import avro_bytes

MS = 1_760_000_000_123
UUID_TEXT = "4c1a9f4e-7f0e-4d0b-8a53-2c5c8a7f0c11"


def record_of(kind: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "x", "type": kind} | more]}


def decoded(kind: Any, value: Any, name: str = "x", **more: Any) -> Any:
    schema = record_of(kind, **more)
    return AvroDecoder(schema, (), frozenset({name})).decode(avro_bytes({"x": value}, schema))[name]


def logical(kind: str, logical_type: str, /, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": logical_type} | more


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "ä", "ä"),
        ("boolean", True, True),
        ("long", -5, -5),
        ("float", 12.3, 12.3),
        ("double", 12.3, 12.3),
        (logical("long", "timestamp-millis"), MS, MS),
        (logical("long", "timestamp-micros"), MS * 1_000 + 999, MS),
        (logical("long", "timestamp-nanos"), MS * 1_000_000 + 999_999, MS),
        (logical("long", "timestamp-micros"), -1, -1),
        (logical("long", "timestamp-millis"), datetime(2025, 1, 1, tzinfo=UTC), 1_735_689_600_000),
        (logical("int", "date"), 20_000, 20_000 * 86_400_000),
        (logical("string", "uuid"), UUID_TEXT, UUID_TEXT),
        (logical("bytes", "decimal", precision=10, scale=2), Decimal("-12.30"), Decimal("-12.30")),
        (
            logical("fixed", "decimal", precision=10, scale=2, size=6, name="F"),
            Decimal("0.01"),
            Decimal("0.01"),
        ),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        ({"type": "map", "values": logical("long", "timestamp-micros")}, {"a": 5_000}, {"a": 5}),
        ({"type": "array", "items": ["null", "float"]}, [None, 0.1], [None, 0.1]),
        (["null", "string"], None, None),
        (["null", "long", "string", "double"], "7", "7"),
        (["null", "long", "string", "double"], 7, 7),
        (["null", logical("long", "timestamp-micros"), "string"], 7_000, 7),
    ],
)  # fmt: skip
def test_a_value_is_what_json_would_hold(kind: Any, value: Any, expected: Any) -> None:
    assert decoded(kind, value) == expected


@given(st.integers(-(10**18), 10**18), st.integers(0, 9))
def test_decimals_keep_all_their_digits(unscaled: int, scale: int) -> None:
    # given a decimal as money systems write it
    value = Decimal(unscaled).scaleb(-scale)
    # when it is decoded and written as JSON
    found = decoded(logical("bytes", "decimal", precision=19, scale=scale), value)
    # then the number in JSON is the same
    assert found == value
    assert json.loads(to_json({"x": found}), parse_int=Decimal, parse_float=Decimal)["x"] == value


def test_a_decimal_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(MessageError, match="a decimal has 40 bytes"):
        decoded(logical("bytes", "decimal", precision=99, scale=0), b"\1" * 40)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_json_has_not_is_null(value: float) -> None:
    assert to_json({"x": decoded("double", value)}) == b'{"x":null}'


def test_of_several_records_in_a_union_each_is_read_by_its_own_schema() -> None:
    # given a union of two records with a field of one name
    parts = [
        {"type": "record", "name": name, "fields": [{"name": "at", "type": logical("long", kind)}]}
        for name, kind in (("A", "timestamp-millis"), ("B", "timestamp-micros"))
    ]
    # when values of both are decoded
    found = [decoded(["null", *parts], (f"n.{name}", {"at": 5_000})) for name in "AB"]
    # then each has its own unit
    assert found == [{"at": 5_000}, {"at": 5}]


def test_a_field_is_found_by_an_alias_at_any_depth() -> None:
    # given a writer that has renamed fields, and left their former names as aliases
    inner = {"type": "record", "name": "I", "fields": [{"name": "b", "aliases": ["was_b"], "type": "long"}]}
    # then they are found by these
    assert decoded(inner, {"b": 1}, name="was_x", aliases=["was_x"]) == {"b": 1, "was_b": 1}


def test_a_name_wins_over_an_alias() -> None:
    schema = record_of("long") | {
        "fields": [
            {"name": "y", "type": "long", "aliases": ["x"]},
            {"name": "x", "type": "long"},
        ]
    }
    found = AvroDecoder(schema, (), frozenset({"x"})).decode(avro_bytes({"x": 1, "y": 2}, schema))

    assert found == {"x": 1}


def test_types_of_other_schemas_are_found() -> None:
    # given a schema that refers to one that is registered elsewhere
    money = {
        "type": "record", "name": "Money", "namespace": "m",
        "fields": [{"name": "value", "type": logical("long", "timestamp-micros")}],
    }  # fmt: skip
    whole = record_of(money)
    # when a record, written with both in one, is decoded
    decoder = AvroDecoder(record_of("m.Money"), [money], frozenset({"x"}))
    # then it is read
    assert decoder.decode(avro_bytes({"x": {"value": 7_000}}, whole)) == {"x": {"value": 7}}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (record_of(["null", "n.R"]), "contains itself"),
        (record_of({"type": "array", "items": "n.R"}), "contains itself"),
        (record_of({"type": "array", "items": "null"}), "without bytes"),
        (
            record_of(
                {
                    "type": "array",
                    "items": record_of({"type": "fixed", "name": "F", "size": 0}) | {"name": "Z"},
                }
            ),
            "without bytes",
        ),
        (["null", "string"], "no record"),
        ("string", "no record"),
    ],
)
def test_a_schema_that_cannot_be_served_says_so(schema: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        AvroDecoder(schema, (), frozenset({"x"}))


@pytest.mark.parametrize("change", [lambda one: one[:-1], lambda one: one + b"x", lambda one: b"\xff" * 12])
def test_bytes_of_another_schema_are_refused(change: Any) -> None:
    # given a decoder and bytes that it cannot have been made of
    schema = record_of("string")
    decoder = AvroDecoder(schema, (), frozenset({"x"}))
    # then they are refused, whatever the library says
    with pytest.raises(MessageError, match="Avro schema"):
        decoder.decode(change(avro_bytes({"x": "abc"}, schema)))


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    schema = record_of(["null", {"type": "map", "values": {"type": "array", "items": "string"}}, "string"])
    decoder = AvroDecoder(schema, (), frozenset({"x"}))
    with suppress(MessageError):
        decoder.decode(payload)
