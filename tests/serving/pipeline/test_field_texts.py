"""Values of declared fields, and their profiles, as analysts read them."""

import pytest

from fraud.definitions.fields import Field, FieldType
from fraud.schema import FieldValue
from serving.pipeline.field_texts import OTHER_DEFINITIONS, field_text, in_order, profile_texts
from tests.definitions import EXTENDED, PROFILED, V1


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (FieldType.ID, "d-1", "d-1"),
        (FieldType.CATEGORY, None, "none"),
        (FieldType.MONEY, 123_456, "€1,234.56"),
        (FieldType.TIME, 1_760_000_000_000, "2025-10-09 08:53:20 UTC"),
        (FieldType.NUMBER, 0.1, "0.1"),
        (FieldType.NUMBER, 12_345, "12,345"),
        (FieldType.FIXED, 123_450, "1,234.50"),
        (FieldType.BOOLEAN, True, "yes"),
        (FieldType.BOOLEAN, False, "no"),
    ],
)
def test_a_value_reads_well(kind: FieldType, value: FieldValue | None, text: str) -> None:
    assert field_text(Field("x", kind, ("x",), scale=2), value, "EUR") == text


def test_a_field_that_is_declared_no_longer_comes_last() -> None:
    # given what was stored when the definitions had another field
    stored: dict[str, FieldValue] = {"gone": 5, "device_id": "d-1"}
    # when
    found = [*in_order(EXTENDED, stored)]
    # then
    assert found[-1] == ("gone", 5)
    assert ("device_id", "d-1") in found
    assert ("ip_country", None) in found
    assert "amount" not in dict(found)
    assert field_text(None, 5, "EUR") == "5"


def test_profiles_read_well_by_field() -> None:
    # given what a reviewed payment's profiles said; of its device nothing is known
    found = {"device_payments_1d": None, "merchant_frauds_30d": 3.0, "merchant_mean_7d": 4_250.0}
    # then
    assert profile_texts(PROFILED, PROFILED.digest, found, "EUR") == {
        "device": ["payments of the device in 1 day: unknown"],
        "merchant": [
            "reported frauds of the merchant in 30 days: 3",
            "average payment of the merchant in 7 days: €42.50",
        ],
    }


def test_profiles_of_other_definitions_have_no_words() -> None:
    found = profile_texts(
        EXTENDED, PROFILED.digest, {"merchant_frauds_30d": 3.0, "device_rate_7d": None}, "EUR"
    )
    assert found == {OTHER_DEFINITIONS: ["merchant_frauds_30d: 3", "device_rate_7d: unknown"]}
    assert profile_texts(V1, None, {}, "EUR") == {}
