"""Columns of a file as fields: of the definitions at hand, and as fields that definitions could declare."""

from pathlib import Path

import pyarrow as pa
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.settings import AdmissionSettings
from producer.inspection.mapping_proposal import propose
from producer.inspection.profile import ColumnProfile, profile_column
from producer.inspection.proposal import ProposedField, propose_fields
from producer.inspection.report import inspect_files
from tests.definitions import EXTENDED, V1
from tests.producer.definitions import EVERY_TYPE
from tests.producer.replay.files.reading import HEADER, ROWS, write

CARD = "4111111111111111"


def profiles(columns: dict[str, list[str | None]]) -> list[ColumnProfile]:
    return [profile_column(name, pa.array(values, pa.string())) for name, values in columns.items()]


def proposed(columns: dict[str, list[str | None]], *taken: str) -> list[ProposedField]:
    return propose_fields(profiles(columns), taken)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("Device Hash", [f"d{n}" for n in range(40)], FieldType.ID),
        ("account_no", [str(10_000 + n) for n in range(40)], FieldType.ID),
        ("entry.mode", ["chip", "swipe"] * 20, FieldType.CATEGORY),
        ("note", [f"text {n}" for n in range(40)], FieldType.ID),
        ("age", [str(20 + n) for n in range(40)], FieldType.NUMBER),
        ("rate", [f"0.{n}" for n in range(40)], FieldType.NUMBER),
        ("is_3ds", ["yes", "no"] * 20, FieldType.BOOLEAN),
        ("opened", ["2020-01-01", "2021-05-05"] * 20, FieldType.TIME),
    ],
)
def test_the_type_of_a_field_is_by_its_values(name: str, values: list[str | None], kind: FieldType) -> None:
    (found,) = proposed({name: values})

    assert (found.type, found.columns, found.is_optional) == (kind, (name,), False)
    assert found.name == name.lower().replace(" ", "_").replace(".", "_")
    assert found.path == (None if name == found.name else name)


def test_a_field_shows_what_is_missing_and_hides_card_numbers() -> None:
    (found,) = proposed({"second_card": [CARD, None, CARD]})

    assert found.is_optional
    assert found.examples == ("************1111",)


def test_numbered_columns_of_one_type_are_a_list() -> None:
    numbers = ["1.5", "2.5", "3.5"]
    columns: dict[str, list[str | None]] = {f"V{n}": [*numbers] for n in range(1, 5)}
    columns |= {"V5": ["a", "b", "a"], "D1": [*numbers], "D2": [*numbers], "V7": [*numbers]}

    found = proposed(columns)

    assert [(one.name, one.column_range) for one in found] == [
        ("v", "V1..V4"),
        ("v5", None),
        ("d1", None),
        ("d2", None),
        ("v7", None),
    ]


def test_what_is_taken_empty_or_too_long_is_left_out() -> None:
    columns: dict[str, list[str | None]] = {
        "amount": ["1"],
        "empty": [None],
        "essay": ["x" * 65],
        "Amount ": ["2"],
        "kind": ["a"],
    }

    assert [one.name for one in proposed(columns, "amount")] == ["kind"]


def test_a_column_that_may_be_written_afterwards_is_marked() -> None:
    (found,) = proposed({"chargeback_code": ["a", "b"]})

    assert found.is_suspicious


@pytest.mark.parametrize(
    ("definitions", "column", "field"),
    [
        (EXTENDED, "device.fingerprint", "device_id"),
        (EXTENDED, "Device_ID", "device_id"),
        (EXTENDED, "FINGERPRINT", "device_id"),
        (EXTENDED, "entry mode", "entry_mode"),
        (EXTENDED, "IPCountry", "ip_country"),
        (EVERY_TYPE, "v2", "v2"),
        (EVERY_TYPE, "token", "card_id"),
    ],
)
def test_a_column_feeds_the_field_that_is_called_like_it(
    definitions: Definitions, column: str, field: str
) -> None:
    values = ["1", "2"] if field == "v2" else ["DE", "FR"]

    columns = profiles({column: [*values]})
    found = {one.field: one.column() for one in propose(definitions, columns, with_labels=True)}

    own = definitions.field_by_name[field]
    # what is called exactly like the path or the field needs no line
    assert found.get(field) == column or column in (".".join(own.path), own.name)


def test_the_end_of_a_path_that_two_fields_share_is_nobody_s() -> None:
    # both merchant.id and device.id end in id
    columns = profiles({"country": ["DE"]})

    found = propose(EVERY_TYPE, columns, with_labels=True)

    assert "ip_country" in {one.field for one in found}
    assert not [one for one in propose(EXTENDED, columns, with_labels=True) if one.field == "ip_country"]


def test_inspection_names_the_columns_that_feed_no_field(tmp_path: Path) -> None:
    # given a file with a device, and definitions with and without one
    path = write(tmp_path / "some.csv", HEADER + ",device_id", *(f"{row},d{n}" for n, row in enumerate(ROWS)))

    without = inspect_files(V1, AdmissionSettings(), path)
    with_device = inspect_files(EXTENDED, AdmissionSettings(), path)

    assert [one.name for one in without.further_fields] == ["device_id"]
    assert not with_device.further_fields
    assert with_device.transactions.fields["device_id"] == "device_id"
