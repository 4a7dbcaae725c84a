"""The struct of a payment follows the definitions, and what breaks a declared type is a sentence."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import MAX_UNITS, Field, FieldType
from fraud.messages.admission import AdmissionFilter, Admitted, Refused
from fraud.messages.transaction import new_transaction
from fraud.settings import AdmissionSettings
from tests.definitions import EXTENDED, V1

NOW = 1_700_000_000_000
PAYMENT = {
    "transaction_id": "t", "card_id": "c", "merchant_id": "m", "amount": "12.34", "currency": "EUR",
    "timestamp": NOW,
}  # fmt: skip


def defined(*fields: Field) -> Definitions:
    """The shipped definitions with further fields."""
    return Definitions("test", (*V1.fields, *fields), V1.features)


def validated(definitions: Definitions, text: str | dict[str, Any]) -> Admitted | Refused:
    value = text if isinstance(text, str) else json.dumps(PAYMENT | text)
    return AdmissionFilter(definitions, AdmissionSettings()).validate(value.encode(), NOW)


def value_of(field: Field, value: Any) -> Any:
    """What is kept of a value, or the reason why it is refused."""
    found = validated(defined(field), {field.path[-1]: value})
    return found.values[-1] if isinstance(found, Admitted) else found.reason


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (FieldType.ID, "d-1", "d-1"),
        (FieldType.CATEGORY, "", ""),
        (FieldType.CURRENCY, "JPY", "JPY"),
        (FieldType.MONEY, "-1.50", -150),
        (FieldType.MONEY, 1.5, 150),
        (FieldType.FIXED, 0.125, 125),
        (FieldType.FIXED, "0.125", 125),
        (FieldType.TIME, NOW, NOW),
        (FieldType.NUMBER, 7, 7.0),
        (FieldType.BOOLEAN, False, False),
        (FieldType.BOOLEAN, None, None),
    ],
)
def test_each_type_keeps_its_value(kind: FieldType, value: Any, expected: Any) -> None:
    found = value_of(Field("extra", kind, ("extra",), True, scale=3), value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldType.ID, 7),
        (FieldType.ID, "x" * 65),
        (FieldType.CATEGORY, True),
        (FieldType.CURRENCY, "EURO"),
        (FieldType.MONEY, "0.001"),
        (FieldType.MONEY, True),
        (FieldType.MONEY, MAX_UNITS),
        (FieldType.FIXED, 0.0001),
        (FieldType.FIXED, "NaN"),
        (FieldType.FIXED, "1e999999999"),
        (FieldType.TIME, 1.5),
        (FieldType.TIME, str(NOW)),
        (FieldType.NUMBER, "7"),
        (FieldType.NUMBER, [7]),
        (FieldType.NUMBER, 91),
        (FieldType.MONEY, 91),
        (FieldType.FIXED, -91),
        (FieldType.BOOLEAN, 1),
        (FieldType.BOOLEAN, "true"),
    ],
)
def test_what_breaks_a_type_is_refused_with_the_fields_name(kind: FieldType, value: Any) -> None:
    is_bounded = value in (91, -91)
    field = Field("extra", kind, ("extra",), True, scale=3)
    bounded = replace(field, lowest=-90, highest=90) if is_bounded else field
    assert "extra" in value_of(bounded, value)


@pytest.mark.parametrize("around", [{}, {"device": None}, {"device": {}}, {"device": {"fingerprint": None}}])
def test_an_optional_field_is_absent_wherever_its_path_ends(around: dict[str, Any]) -> None:
    found = validated(EXTENDED, around)
    assert isinstance(found, Admitted)
    assert found.transaction.device_id is None


@pytest.mark.parametrize(
    ("around", "where"),
    [
        ({"device": "d-1"}, "$.device"),
        ({"device": []}, "$.device"),
        ({"device": {"fingerprint": 7}}, "$.device.fingerprint"),
        ({"device": {"fingerprint": ""}}, "$.device.fingerprint"),
    ],
)
def test_a_path_that_meets_something_else_is_named(around: dict[str, Any], where: str) -> None:
    found = validated(EXTENDED, around)
    assert isinstance(found, Refused)
    assert f"`{where}`" in found.reason


def test_a_required_field_in_an_object_is_required() -> None:
    definitions = defined(Field("device_id", FieldType.ID, ("device", "id"), min_length=1))
    arounds: list[dict[str, Any]] = [{}, {"device": None}, {"device": {}}]
    for around in arounds:
        found = validated(definitions, around)
        assert isinstance(found, Refused)
        assert "device" in found.reason


@pytest.mark.parametrize("second", ['"fingerprint":"x"', '"fingerprint":null', '"\\u0066ingerprint":"y"'])
def test_a_declared_name_is_in_its_object_once(second: str) -> None:
    text = json.dumps(PAYMENT)[:-1]
    found = validated(EXTENDED, f'{text},"device":{{"fingerprint":"x",{second}}}}}')
    assert found == Refused("the message has the field device.fingerprint more than once")
    found = validated(EXTENDED, f'{text},"device":{{"fingerprint":"x"}},"device":{{}}}}')
    assert found == Refused("the message has the field device more than once")
    # the same name in another object is another field
    assert isinstance(validated(EXTENDED, f'{text},"fingerprint":1,"x":{{{second},{second}}}}}'), Admitted)


def test_a_name_beyond_ascii_is_in_its_object_once_in_any_form() -> None:
    definitions = defined(Field("size", FieldType.NUMBER, ("größe",), True))
    for second in ("größe", "gr\\u00f6\\u00dfe", "gr\\u00F6ße"):
        text = f'{json.dumps(PAYMENT)[:-1]},"größe":1,"{second}":2}}'
        assert validated(definitions, text) == Refused("the message has the field größe more than once")


def test_a_struct_can_be_made_of_values_by_name() -> None:
    values = PAYMENT | {"amount": Decimal("12.34"), "device_id": "d-1", "country": None}
    made = new_transaction(EXTENDED, values)
    found = validated(EXTENDED, {"device": {"fingerprint": "d-1"}})
    assert isinstance(found, Admitted)
    assert made == found.transaction
    assert (made.device_id, made.country, made.amount) == ("d-1", None, Decimal("12.34"))
