"""The lake's payments with their predictions, and their features."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.decisions.whatif.logged import LoggedDecision, LoggedDecisions, payment_hashes
from fraud.decisions.whatif.payments import ScoredPayments, match_payments, read_scored_payments
from fraud.decisions.whatif.stored_features import find_stored_features
from fraud.decisions.whatif.stored_texts import StoredColumns
from fraud.errors import DataError
from fraud.features.table import compute_features
from fraud.labels.lake import read_labels
from fraud.lake import Lake, open_lake
from fraud.preprocess.days import DayManifest, day_folder, features_dataset, write_day
from fraud.settings import Settings
from tests.definitions import V1
from tests.fraud.lakes import GrowingLake
from tests.fraud.streams import START_MS, accidental_stream, label

DAY_MS = 86_400_000
NAMES = ("card_count_24h", "amount_ratio_30d", "merchant_amount_ratio")


def logged_of(stream: list[dict[str, Any]]) -> LoggedDecisions:
    """A prediction for each payment, the first of those that were delivered twice."""
    first = {(one["card_id"], one["transaction_id"]): one for one in reversed(stream)}
    return LoggedDecisions.of(
        [
            LoggedDecision(one["transaction_id"], one["card_id"], one["timestamp"], 0.5, 0.5, "approve")
            for one in first.values()
        ]
    )


@pytest.fixture
def stream() -> list[dict[str, Any]]:
    return accidental_stream(600, days=6)


@pytest.fixture
def lake(local_settings: Settings, stream: list[dict[str, Any]]) -> Lake:
    growing = GrowingLake(local_settings, open_lake(local_settings))
    growing.add(growing.transactions, stream)
    reports = [label(number, START_MS + 3 * DAY_MS) for number in range(0, 200, 3)]
    growing.add(growing.labels, [one | {"card_id": _card(stream, one)} for one in reports])
    return growing.lake


def _card(stream: list[dict[str, Any]], one: dict[str, Any]) -> str:
    return next(str(wire["card_id"]) for wire in stream if wire["transaction_id"] == one["transaction_id"])


def test_every_payment_is_found_once(lake: Lake, stream: list[dict[str, Any]]) -> None:
    # given predictions on payments of which some were delivered twice
    logged = logged_of(stream)
    # when the lake's payments are read, without what was scored last
    found = read_scored_payments(V1, lake, logged[np.arange(len(logged)) % 10 > 0], ["country"])
    # then each has its own prediction
    assert len(found) + found.not_in_lake == int((np.arange(len(logged)) % 10 > 0).sum())
    keys = payment_hashes(found.table["card_id"], found.table["transaction_id"])
    assert np.array_equal(keys, found.logged.keys)
    assert len(np.unique(keys)) == len(found)
    assert found.not_scored > 0
    assert "channel" not in found.table.column_names
    assert set(found.table["country"].to_pylist()) == {"FR", "BR"}


def test_predictions_whose_payments_are_not_ingested_are_counted(
    lake: Lake, stream: list[dict[str, Any]]
) -> None:
    later = [one | {"transaction_id": f"later-{number}"} for number, one in enumerate(stream[:7])]
    found = read_scored_payments(V1, lake, logged_of(stream + later), [])
    assert found.not_in_lake >= 7


def test_without_predictions_or_payments_the_error_says_what_to_do(
    lake: Lake, stream: list[dict[str, Any]]
) -> None:
    with pytest.raises(DataError, match="no logged predictions of these days; give more --days"):
        read_scored_payments(V1, lake, logged_of([]), [])
    others = [one | {"transaction_id": f"x{number}"} for number, one in enumerate(stream[:5])]
    with pytest.raises(DataError, match=r"run flows/ingest\.py first"):
        read_scored_payments(V1, lake, logged_of(others), [])


def test_an_id_that_was_used_again_is_not_the_payment_that_was_scored() -> None:
    # given a prediction, and payments of the same card and id at its time, later, and at its time again
    logged = logged_of([{"card_id": "c", "transaction_id": "t", "timestamp": 5}])
    keys = np.repeat(logged.keys, 3)
    # then only the first of its time matches
    assert match_payments(keys, np.array([9, 5, 5]), logged).tolist() == [-1, 0, -1]


def scored(lake: Lake, stream: list[dict[str, Any]]) -> ScoredPayments:
    return read_scored_payments(V1, lake, logged_of(stream), ["merchant_category"])


def test_features_of_days_without_training_rows_are_computed(
    local_settings: Settings, lake: Lake, stream: list[dict[str, Any]]
) -> None:
    # given payments of the last two of six days
    payments = scored(lake, stream)
    recent = payments.logged.timestamps >= START_MS + 4 * DAY_MS
    table = payments.table.filter(pa.array(recent))
    # when their features are asked for
    found = find_stored_features(local_settings, lake, table, NAMES)
    # then they are those of the whole history
    assert found.computed == table.num_rows - found.missing > 50
    assert same(found.rows, history(local_settings, lake, table))
    assert np.isnan(found.rows[:, V1.feature_names.index("card_sum_24h")]).all()


def test_features_come_from_training_rows_where_there_are_any(
    local_settings: Settings, lake: Lake, stream: list[dict[str, Any]]
) -> None:
    # given training rows of one day
    payments = scored(lake, stream)
    days = payments.logged.timestamps // DAY_MS
    of_day = payments.table.filter(pa.array(days == START_MS // DAY_MS + 2))
    rows = of_day.select(["card_id", "transaction_id"])
    for number, name in enumerate(NAMES):
        rows = rows.append_column(name, pa.array(np.full(rows.num_rows, number + 0.5), pa.float32()))
    first = payments.logged.timestamps[days == START_MS // DAY_MS + 2][0]
    put_day(lake, int(first), rows)
    # when features of all days are asked for
    found = find_stored_features(local_settings, lake, payments.table, NAMES)
    # then that day's are those rows, and the others are computed
    of_names = found.rows[:, [V1.feature_names.index(name) for name in NAMES]]
    stored = (of_names == [0.5, 1.5, 2.5]).all(axis=1)
    assert np.array_equal(stored, days == START_MS // DAY_MS + 2)
    assert found.computed == len(payments) - int(stored.sum()) - found.missing


def put_day(lake: Lake, time_ms: int, rows: pa.Table) -> None:
    from fraud.ingest.commits import day_of

    dataset = features_dataset(V1)
    path = f"{day_folder(dataset, day_of(time_ms))}/part-0.parquet"
    lake.write_table(rows, path)
    write_day(lake, dataset, DayManifest(day_of(time_ms), "test", [path], rows.num_rows))


def history(settings: Settings, lake: Lake, payments: pa.Table) -> np.ndarray[Any, Any]:
    """The named features of these payments, computed of all that the lake has."""
    from fraud.ingest.commits import committed_files
    from fraud.preprocess.inputs import input_arrow

    files = committed_files(lake, "transactions")
    table = pa.concat_tables([lake.read_rows(one.path, input_arrow(V1)) for one in files])
    table = table.sort_by([("partition", "ascending"), ("offset", "ascending")])
    computed = compute_features(
        V1, table, read_labels(lake), lambda *_: None, available_after=settings.profiles.available_after
    )
    of_history = table.take(pa.array(computed.indices))
    keys = payment_hashes(of_history["card_id"], of_history["transaction_id"]).tolist()
    place = {key: row for row, key in reversed(list(enumerate(keys)))}
    wanted = payment_hashes(payments["card_id"], payments["transaction_id"]).tolist()
    empty = np.full(computed.rows.shape[1], np.nan, dtype=np.float32)
    return np.array([computed.rows[place[key]] if key in place else empty for key in wanted])


def same(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> bool:
    columns = [V1.feature_names.index(name) for name in NAMES]
    return np.array_equal(found[:, columns], expected[:, columns], equal_nan=True)


def test_texts_of_a_payment_are_those_of_its_row(lake: Lake, stream: list[dict[str, Any]]) -> None:
    # given payments, one of them without a category
    table = scored(lake, stream).table
    category = table["merchant_category"].to_pylist()
    category[3] = None
    table = table.set_column(
        table.column_names.index("merchant_category"), "merchant_category", pa.array(category)
    )
    columns = StoredColumns(table, tuple(V1.field_index))
    # when their texts are read
    for row in (0, 3, 17):
        expected = {name: value for name, value in table.slice(row, 1).to_pylist()[0].items() if value}
        assert dict(columns.texts_of(row)) == expected
    # then what is absent is left out
    assert "merchant_category" not in columns.texts_of(3)
    assert columns.texts_of(3).get("channel") is None
