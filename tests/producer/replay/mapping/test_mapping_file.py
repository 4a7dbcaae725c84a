"""A mapping file: columns, constants, formats."""

from pathlib import Path

import pytest

from fraud.errors import ConfigurationError, DataError
from producer.replay.mapping.columns import FieldSource, require_columns, resolve
from producer.replay.mapping.mapping_file import read_mapping
from tests.definitions import V1


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
