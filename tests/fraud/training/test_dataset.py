from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.lake import open_lake
from fraud.settings import Settings
from fraud.training.contracts.rows import require_valid_rows
from fraud.training.dataset import make_dataset, row_columns
from fraud.training.history import load_history
from fraud.training.splits import TimeRange
from tests.definitions import V1
from tests.fraud.training.synthetic import FOR_EVER, START_MS, dataset, tables, write_history


def test_rows_are_in_order_of_time_whatever_the_order_of_files() -> None:
    rows, labels = tables(days=10, per_day=20)
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    data, same = make_dataset(V1, shuffled, labels, FOR_EVER), make_dataset(V1, rows, labels, FOR_EVER)
    assert (np.diff(data.timestamps) >= 0).all()
    assert data.fingerprint() == same.fingerprint()


def test_the_fingerprint_notices_one_changed_label() -> None:
    rows, labels = tables(days=10, per_day=20)
    whole = make_dataset(V1, rows, labels, FOR_EVER).fingerprint()
    assert make_dataset(V1, rows, labels.slice(1), FOR_EVER).fingerprint() != whole


def test_a_period_is_a_view() -> None:
    data = dataset(days=10, per_day=20)
    part = data.between(TimeRange(START_MS + DAY_MS, START_MS + 2 * DAY_MS))
    assert 0 < len(part) < len(data)
    assert np.shares_memory(part.rows, data.rows)
    assert part.identity.num_rows == len(part)


def test_frauds_reported_later_look_legitimate_before() -> None:
    rows, labels = tables(days=20, per_day=50, delay_days=5)
    data = make_dataset(V1, rows, labels, FOR_EVER)
    known = data.as_known_at(START_MS + 10 * DAY_MS)
    assert known.frauds == data.between(TimeRange(START_MS, START_MS + 5 * DAY_MS)).frauds


def test_an_amount_beyond_what_a_float_counts_is_a_feature_all_the_same() -> None:
    # given a payment that float32 cannot hold to the last digit
    rows, labels = tables(days=5, per_day=5)
    amounts = rows["amount"].to_numpy().copy()
    amounts[0] = 2**24 + 1
    rows = rows.set_column(rows.column_names.index("amount"), "amount", pa.array(amounts))
    # then it is kept exactly beside its rounded feature, and no contract is broken
    data = make_dataset(V1, rows, labels, FOR_EVER)
    assert data.amounts[0] == 2**24 + 1
    require_valid_rows(V1, data)


def test_a_missing_column_is_named() -> None:
    rows, labels = tables(days=5, per_day=5)
    with pytest.raises(DataError, match="card_id"):
        make_dataset(V1, rows.drop_columns(["card_id"]), labels, FOR_EVER)
    assert set(row_columns(V1)) <= set(rows.column_names)


def test_the_lake_gives_matured_rows_only(local_settings: Settings) -> None:
    # given a history in the lake
    rows, labels = tables(days=20, per_day=50)
    lake = open_lake(local_settings)
    write_history(lake, rows, labels)
    # when the newest ten days before the delay are read
    history = load_history(V1, lake, longest=timedelta(days=10), delay=timedelta(days=7))
    # then no row is younger than the delay and none older than asked
    newest = rows["timestamp"].to_numpy().max()
    assert history.moment == newest
    assert history.data.timestamps.max() < newest - 7 * DAY_MS
    assert history.data.timestamps.min() >= newest - 17 * DAY_MS
    assert history.data.frauds > 0


def test_an_empty_lake_says_what_to_run(local_settings: Settings) -> None:
    with pytest.raises(DataError, match="preprocess"):
        load_history(V1, open_lake(local_settings), longest=timedelta(days=10), delay=timedelta(days=7))


def test_a_history_younger_than_the_delay_says_so(local_settings: Settings) -> None:
    lake = open_lake(local_settings)
    write_history(lake, *tables(days=5, per_day=20, delay_days=1))
    with pytest.raises(DataError, match="younger than the label delay"):
        load_history(V1, lake, longest=timedelta(days=10), delay=timedelta(days=7))
