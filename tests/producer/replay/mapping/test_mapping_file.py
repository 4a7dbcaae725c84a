"""A mapping file: columns, constants, formats."""

from pathlib import Path

import pytest

from fraud.errors import ConfigurationError, DataError
from producer.replay.mapping.columns import FieldSource, require_columns, resolve
from producer.replay.mapping.mapping_file import read_mapping
from tests.definitions import V1
from tests.producer.definitions import EVERY_TYPE


def test_a_mapping_names_columns_constants_formats_and_absences(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        "card_id: cc_num\ncurrency: {value: USD}\ntimestamp: {column: ts, format: epoch_s}\ncountry: null\n"
    )

    columns = resolve(read_mapping(V1, path), ["cc_num", "ts", "country", "channel"], V1.fields)

    assert columns == {
        "card_id": FieldSource(column="cc_num"),
        "currency": FieldSource(value="USD"),
        "timestamp": FieldSource(column="ts", format="epoch_s"),
        "channel": FieldSource(column="channel"),
    }


@pytest.mark.parametrize(
    "text", ["", "- a", "a: [", "nonsense: x", "card_id: 5", "card_id: {column: a, format: iso}",
             "timestamp: {column: a, format: noon}", "card_id: {column: a, strange: 1}"],
)  # fmt: skip
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="the mapping"):
        read_mapping(V1, tmp_path / "mapping.yaml")


def test_a_missing_column_is_named_with_what_is_there_and_what_is_needed() -> None:
    columns = resolve({"card_id": FieldSource(column="cc")}, ["id", "amount"], V1.fields)
    with pytest.raises(
        DataError, match=r"has no column cc: its columns are id, amount; needed are .*card_id"
    ):
        require_columns(columns, ["id", "amount"], ("card_id", "amount"), "the file")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("device_id: {column: a, decimal: ','}", "device_id has decimal, which only numbers have"),
        ("age: {column: a, format: iso}", "age has format, which only times have"),
        ("age: {column: a, round: true}", "age has round, which only amounts and fixed-point numbers have"),
        ("rate: {column: a, unit: minor}", "rate has unit: minor, which only amounts have"),
        ("ip_contry: a", "line 1: ip_contry is no field; did you mean ip_country?"),
        ("labels: {device_id: {column: a, start: 2020-01-01}}", "start and unit .* go together"),
    ],
)
def test_options_must_suit_the_type_of_the_field(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "mapping.yaml").write_text(line)
    with pytest.raises(ConfigurationError, match=words):
        read_mapping(EVERY_TYPE, tmp_path / "mapping.yaml")


def test_fields_of_every_type_are_mapped_with_their_options(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        "opened_at: {column: o, format: epoch_s}\nbalance: {column: b, unit: minor}\n"
        "rate: {column: r, decimal: ',', round: true}\nis_present: {column: p, values: {X: 1}}\nv2: W2\n"
    )

    found = read_mapping(EVERY_TYPE, path)

    assert found["opened_at"].format == "epoch_s"
    assert found["balance"].unit == "minor"
    assert (found["rate"].decimal, found["rate"].round) == (",", True)
    assert found["is_present"].values == (("X", "1"),)
    assert found["v2"] == FieldSource(column="W2")


def test_a_column_at_a_field_s_path_comes_before_one_of_its_name() -> None:
    columns = ["device.fingerprint", "device_id", "card_id", "V1", "v2", "age"]

    found = resolve({}, columns, EVERY_TYPE.fields)

    assert {name: one.column for name, one in found.items()} == {
        "device_id": "device.fingerprint",
        "card_id": "card_id",
        "v1": "V1",
        "v2": "v2",
        "age": "age",
    }
