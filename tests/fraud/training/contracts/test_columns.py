"""Broken tables stop before anything is joined, and the sentence names what is broken."""

from typing import Any

import pyarrow as pa
import pytest

from fraud.errors import DataError
from fraud.training.contracts.columns import require_labels, require_rows
from tests.definitions import V1
from tests.fraud.training.synthetic import tables

ROWS, LABELS = tables(days=10, per_day=20)


def replaced(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def without(table: pa.Table, name: str, row: int) -> pa.Table:
    """The table with one value unknown."""
    values = table[name].to_pylist()
    values[row] = None
    return replaced(table, name, pa.array(values, table[name].type))


def test_sound_tables_pass() -> None:
    require_rows(ROWS, V1.feature_names)
    require_labels(LABELS)


@pytest.mark.parametrize("column", ["timestamp", "amount", "partition", "offset"])
def test_rows_without_a_time_an_amount_or_a_place_are_named(column: str) -> None:
    with pytest.raises(DataError, match=f"1 of the training rows have no {column} .*t3"):
        require_rows(without(ROWS, column, 3), V1.feature_names)


@pytest.mark.parametrize("column", ["amount", "hour", "card_id"])
def test_columns_of_another_kind_are_named(column: str) -> None:
    other = pa.array([1] * ROWS.num_rows) if column == "card_id" else ROWS["transaction_id"]
    with pytest.raises(DataError, match=rf"{column} \((string|int64)\) should hold"):
        require_rows(replaced(ROWS, column, other), V1.feature_names)


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(DataError, match="the training rows lack speed_kmh"):
        require_rows(ROWS.drop_columns(["speed_kmh"]), V1.feature_names)


@pytest.mark.parametrize("column", ["transaction_id", "is_fraud", "reported_at"])
def test_labels_that_say_nothing_are_refused(column: str) -> None:
    with pytest.raises(DataError, match=f"1 of the labels have no {column}"):
        require_labels(without(LABELS, column, 0))


def test_a_label_delivered_twice_does_no_harm() -> None:
    require_labels(pa.concat_tables([LABELS, LABELS]))
