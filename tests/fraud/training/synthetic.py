"""Histories with a real signal, as a dataset or written to a lake as the flows before training leave it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import Commit, LakeFile, write_commit
from fraud.ingest.decision_rows import DECISION_ARROW
from fraud.lake import Lake
from fraud.preprocess.days import DayManifest, day_folder, features_dataset, write_day
from fraud.training.dataset import Dataset, make_dataset
from tests.definitions import V1

START = date(2024, 3, 1)
START_MS = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp() * 1_000)
FOR_EVER = 2**62


def tables(
    days: int = 60,
    per_day: int = 200,
    fraud_rate: float = 0.03,
    seed: int = 0,
    delay_days: float = 5.0,
    definitions: Definitions = V1,
) -> tuple[pa.Table, pa.Table]:
    """Rows of features and labels; fraud shows in `amount_ratio_30d`, `merchant_is_new` and the amount."""
    random = np.random.default_rng(seed)
    count = days * per_day
    timestamps = np.sort(START_MS + random.integers(0, days * DAY_MS, count))
    fraud = random.random(count) < fraud_rate
    features = random.normal(size=(count, len(definitions.features))).astype(np.float32)
    features = within_bounds(features, definitions)
    features[random.random(features.shape) < 0.1] = np.nan
    amounts = (random.lognormal(8.0, 0.7, count) * np.where(fraud, 2.0, 1.0)).astype(np.int64)
    _put(definitions, features, "amount_ratio_30d", random.lognormal(np.where(fraud, 2.0, 0.0), 1.0))
    _put(
        definitions,
        features,
        "merchant_is_new",
        (random.random(count) < np.where(fraud, 0.8, 0.2)).astype(float),
    )
    ids = np.array([f"t{number}" for number in range(count)])
    rows = pa.table(
        {
            "transaction_id": ids,
            "card_id": [f"card{number}" for number in random.integers(0, max(count // 20, 5), count)],
            "merchant_id": [f"merchant{number}" for number in random.integers(0, 50, count)],
            "currency": pa.array(["EUR"] * count),
            "timestamp": timestamps,
            "amount": amounts,
            "partition": pa.array(np.zeros(count, dtype=np.int32)),
            "offset": np.arange(count),
            **{
                name: features[:, column]
                for column, name in enumerate(definitions.feature_names)
                if name != "amount"
            },
        }
    )
    return rows, labels_of(ids[fraud], timestamps[fraud] + int(delay_days * DAY_MS))


def within_bounds(
    features: npt.NDArray[np.float32], definitions: Definitions = V1
) -> npt.NDArray[np.float32]:
    """Numbers of any size, shape (N, F), brought within what each feature can be, their order kept."""
    made = features.copy()
    for column, feature in enumerate(definitions.features):
        kind = feature.kind
        if np.isfinite(kind.highest):
            span = kind.highest - kind.lowest
            made[:, column] = kind.lowest + span / (1 + np.exp(-features[:, column]))
        elif np.isfinite(kind.lowest):
            made[:, column] = np.exp(features[:, column])
    return made


def labels_of(
    ids: npt.NDArray[np.str_] | list[str],
    reported_at: npt.NDArray[np.int64] | list[int],
    is_fraud: bool = True,
) -> pa.Table:
    """One label for each id."""
    return pa.table(
        {
            "transaction_id": pa.array(list(ids), pa.string()),
            "is_fraud": pa.array([is_fraud] * len(ids), pa.bool_()),
            "reported_at": pa.array(reported_at, pa.int64()),
        }
    )


def dataset(definitions: Definitions = V1, **how: float) -> Dataset:
    """A dataset in which every fraud is known."""
    rows, labels = tables(definitions=definitions, **how)  # type: ignore[arg-type]
    return make_dataset(definitions, rows, labels, FOR_EVER)


def write_history(lake: Lake, rows: pa.Table, labels: pa.Table, definitions: Definitions = V1) -> None:
    """Put rows and labels into the lake, a file a day."""
    for day, part in _by_day(rows, "timestamp"):
        path = f"{day_folder(features_dataset(definitions), day)}/part-0.parquet"
        lake.write_table(part, path)
        write_day(lake, features_dataset(definitions), DayManifest(day, "test", [path], part.num_rows))
    write_labels(lake, labels, rows)


def write_labels(lake: Lake, labels: pa.Table, rows: pa.Table) -> None:
    """Put labels on these rows into the lake, a file a day."""
    files = []
    for number, (day, part) in enumerate(_by_day(as_ingested(labels, rows), "reported_at")):
        path = f"labels/date={day}/p0-{number}.parquet"
        lake.write_table(part, path)
        files.append(LakeFile(path, day, 0, number, number + 1, part.num_rows, 0, 0))
    commit = Commit(
        dataset="labels", topic="labels", partition=0, start=0, end=len(files), admitted=labels.num_rows,
        refused=0, reasons=[], lost=0, max_event_time=0, files=files,
    )  # fmt: skip
    write_commit(lake, commit)


def write_decisions(lake: Lake, rows: pa.Table, decisions: list[dict[str, Any]]) -> None:
    """Put decisions on these rows into the lake, a file a day."""
    times = dict(zip(rows["transaction_id"].to_pylist(), rows["timestamp"].to_pylist(), strict=True))
    known = {"partition": 0, "kafka_timestamp": 0, "score": 0.5}
    ingested = [
        known | {"offset": number, "timestamp": times[one["transaction_id"]]} | one
        for number, one in enumerate(decisions)
    ]
    table, files = pa.Table.from_pylist(ingested, DECISION_ARROW), []
    for number, (day, part) in enumerate(_by_day(table, "timestamp")):
        path = f"decisions/date={day}/p0-{number}.parquet"
        lake.write_table(part, path)
        files.append(LakeFile(path, day, 0, number, number + 1, part.num_rows, 0, 0))
    commit = Commit(
        dataset="decisions", topic="predictions", partition=0, start=0, end=len(files),
        admitted=len(decisions), refused=0, reasons=[], lost=0, max_event_time=0, files=files,
    )  # fmt: skip
    write_commit(lake, commit)


def as_ingested(labels: pa.Table, rows: pa.Table) -> pa.Table:
    """The labels with all columns of the lake; those that are not given follow from the rows."""
    owners = pc.index_in(labels["transaction_id"], value_set=rows["transaction_id"].combine_chunks())
    count = labels.num_rows
    derived = {
        "card_id": pc.fill_null(rows["card_id"].take(owners), "nobody"),
        "kafka_timestamp": labels["reported_at"],
        "source": pa.array(["chargeback"] * count, pa.string()),
        "partition": pa.array([0] * count, pa.int32()),
        "offset": pa.array(range(count), pa.int64()),
    }
    for name, column in derived.items():
        if name not in labels.column_names:
            labels = labels.append_column(name, column)
    return labels


def _by_day(table: pa.Table, column: str) -> Iterator[tuple[date, pa.Table]]:
    days = table[column].to_numpy() // DAY_MS
    for day in np.unique(days):
        yield date(1970, 1, 1) + timedelta(days=int(day)), table.filter(pa.array(days == day))


def _put(
    definitions: Definitions, features: npt.NDArray[np.float32], name: str, values: npt.NDArray[np.generic]
) -> None:
    features[:, definitions.feature_names.index(name)] = values
