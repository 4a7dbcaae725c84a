"""How long Spark needs to turn transactions into training rows: 1, 2 and 4 million on this machine.

The transactions are drawn vectorised and written to a new lake as committed files, without Kafka.
Spark's start-up is not counted; `python -m benchmarks.preprocess 1 2 4` prints the figures.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from pyspark.sql import SparkSession

from benchmarks.serving.harness.shapes import V1, PaymentShape, definitions_of, with_wide_columns
from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import Commit, Dataset, LakeFile, day_of, range_name, write_commit
from fraud.lake import Lake, open_lake
from fraud.machine.ending import end_in_order
from fraud.preprocess.period import choose_period
from fraud.preprocess.profiles import make_profiles
from fraud.preprocess.rows import make_rows
from fraud.schema import LABEL_ARROW, transaction_arrow
from fraud.settings import load_settings
from fraud.spark import spark_session

_START_MS = 1_700_006_400_000
_PARTITIONS = 4
_CHUNK = 500_000


@dataclass(frozen=True)
class Shape:
    """What the synthetic history looks like."""

    transactions: int
    days: int = 60
    cards: int = 20_000
    merchants: int = 5_000
    fraud_share: float = 0.005
    payments: PaymentShape = V1


@dataclass(frozen=True)
class PreprocessTimes:
    """Seconds of one run: by the clock, and of processors in this process, the JVM and its workers."""

    transactions: int
    profiles_s: float
    rows_s: float
    cpu_s: float
    load: float

    @property
    def total_s(self) -> float:
        """All of Spark's work."""
        return self.profiles_s + self.rows_s


def fill_lake(lake: Lake, shape: Shape, seed: int = 1) -> None:
    """Write a history of transactions and labels as committed files."""
    draw = np.random.default_rng(seed)
    for partition in range(_PARTITIONS):
        count = shape.transactions // _PARTITIONS
        times = np.sort(draw.integers(_START_MS, _START_MS + shape.days * DAY_MS, count))
        history = _transactions(draw, shape, partition, times)
        for start in range(0, count, _CHUNK):
            part = history.slice(start, _CHUNK)
            _commit(lake, "transactions", "timestamp", partition, start, part)
        _commit(lake, "labels", "reported_at", partition, 0, _labels(draw, shape, partition, history))


def _transactions(
    draw: np.random.Generator, shape: Shape, partition: int, times: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> pa.Table:
    count = len(times)
    cards = draw.integers(0, shape.cards // _PARTITIONS, count) * _PARTITIONS + partition
    merchants = (draw.pareto(1.0, count) * 20).astype(np.int64) % shape.merchants
    columns = {
        "partition": np.full(count, partition, dtype=np.int32),
        "offset": np.arange(count),
        "kafka_timestamp": times,
        "transaction_id": _names(f"tx-{partition}-", np.arange(count)),
        "card_id": _names("card-", cards),
        "merchant_id": _names("merchant-", merchants),
        "amount": np.exp(draw.normal(8.0, 1.0, count)).astype(np.int64),
        "currency": pa.array(["EUR"]).take(pa.array(np.zeros(count, dtype=np.int64))),
        "timestamp": times,
        "merchant_category": _names("category-", merchants % 20),
        "channel": _names("channel-", draw.integers(0, 3, count)),
        "country": _names("C", draw.integers(0, 9, count)),
        "latitude": draw.uniform(40, 50, count),
        "longitude": draw.uniform(0, 10, count),
    }
    table = pa.table(columns)
    if shape.payments.text:
        table = with_wide_columns(table, partition)
    schema = transaction_arrow(definitions_of(shape.payments))
    return table.select(schema.names).cast(schema)


def _labels(draw: np.random.Generator, shape: Shape, partition: int, history: pa.Table) -> pa.Table:
    count = int(history.num_rows * shape.fraud_share)
    chosen = history.take(pa.array(np.sort(draw.choice(history.num_rows, count, replace=False))))
    reported = chosen["timestamp"].to_numpy() + draw.exponential(5 * DAY_MS, count).astype(np.int64)
    columns = {
        "partition": np.full(count, partition, dtype=np.int32),
        "offset": np.arange(count),
        "kafka_timestamp": reported,
        "transaction_id": chosen["transaction_id"],
        "card_id": chosen["card_id"],
        "is_fraud": np.ones(count, dtype=np.bool_),
        "reported_at": reported,
        "source": pa.array(["chargeback"] * count),
    }
    return pa.table(columns).select(LABEL_ARROW.names).cast(LABEL_ARROW)


def _names(prefix: str, numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Array:
    distinct, codes = np.unique(numbers, return_inverse=True)
    return pa.array([f"{prefix}{number}" for number in distinct]).take(pa.array(codes))


def _commit(lake: Lake, dataset: Dataset, column: str, partition: int, start: int, rows: pa.Table) -> None:
    end = start + rows.num_rows
    days = rows[column].to_numpy() // DAY_MS
    files = []
    for day in np.unique(days):
        part = rows.filter(pa.array(days == day))
        date = day_of(int(day) * DAY_MS)
        path = f"{dataset}/date={date}/{range_name(partition, start, end)}"
        lake.write_table(part, path)
        times = part[column].to_numpy()
        files.append(
            LakeFile(path, date, partition, start, end, len(times), int(times.min()), int(times.max()))
        )
    write_commit(lake, Commit(dataset, "benchmark", partition, start, end, rows.num_rows, 0, [], 0, 0, files))


def measure(shape: Shape, home: Path) -> PreprocessTimes:
    """Fill a lake and preprocess it, in a session that has started and is warm."""
    settings, definitions = load_settings(home=home), definitions_of(shape.payments)
    lake = open_lake(settings)
    fill_lake(lake, shape)
    with spark_session(settings.spark) as spark:
        spark.range(10).mapInArrow(lambda batches: batches, "id long").collect()

        @contextmanager
        def running() -> Iterator[SparkSession]:
            yield spark

        period = choose_period(lake, None, None, datetime.now(UTC).date())
        cpu, started = _cpu_s(), time.perf_counter()
        make_profiles(definitions, lake, period.profile_days, running)
        between = time.perf_counter()
        make_rows(
            definitions,
            lake,
            period.row_days,
            timedelta(days=2),
            settings.spark.rows_per_task,
            running,
        )
        ended = time.perf_counter()
        cpu = _cpu_s() - cpu
    return PreprocessTimes(shape.transactions, between - started, ended - between, cpu, os.getloadavg()[0])


def _cpu_s() -> float:
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def run(millions: Sequence[float] = (1, 2, 4), payments: PaymentShape = V1) -> list[PreprocessTimes]:
    """The figures for histories of so many million transactions of a width."""
    figures = []
    for million in millions:
        with tempfile.TemporaryDirectory() as folder:
            shape = Shape(int(million * 1_000_000), cards=int(million * 10_000), payments=payments)
            figures.append(measure(shape, Path(folder)))
    return figures


if __name__ == "__main__":
    end_in_order()
    for one in run([float(argument) for argument in sys.argv[1:]] or (1, 2, 4)):
        print(asdict(one), f"total {one.total_s:.1f} s")
