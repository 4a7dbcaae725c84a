"""Ids of other payments in a lake: the same rows count for serving's rule, preprocess and training."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import day_of
from fraud.lake import open_lake
from fraud.machine.spark_environment import spark_environment
from fraud.preprocess.days import features_dataset, read_days, rejected_path
from fraud.preprocess.plan import days_between
from fraud.preprocess.profiles import make_profiles
from fraud.preprocess.rows import make_rows
from fraud.settings import AdmissionSettings, Settings, SparkSettings
from fraud.spark import spark_session
from fraud.training.contracts.rows import check_rows
from fraud.training.dataset import make_dataset, row_columns
from tests.definitions import V1
from tests.flows.preprocess.test_preprocess import rows_of
from tests.fraud.lakes import GrowingLake
from tests.fraud.streams import START_MS, transaction
from tests.fraud.training.synthetic import tables

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """One session."""
    java = Path(spark_environment()["JAVA_HOME"])
    with spark_session(SparkSettings(master="local[2]", driver_memory="1g", java_home=java)) as session:
        yield session


def pay(number: int, card: int, day: float, amount: str = "5.00") -> dict[str, Any]:
    """A payment; cards with even numbers and the others are in two partitions."""
    return transaction(number, START_MS + int(day * DAY_MS), card_id=f"card-{card}", amount=amount)


STREAM = [
    pay(1, 0, 0.1), pay(2, 1, 0.1), pay(3, 2, 0.1),
    pay(1, 0, 0.1),  # a repetition
    pay(1, 0, 0.2, "6.00"),  # the same card, other content
    pay(1, 2, 0.3),  # another card of the partition
    pay(2, 0, 1.1),  # another partition, later
    pay(3, 3, 0.05),  # another partition, earlier
    pay(4, 0, 2.0), pay(5, 1, 2.1),
]  # fmt: skip
COUNT = {("t1", "card-0", 500), ("t2", "card-1", 500), ("t3", "card-3", 500), ("t4", "card-0", 500),
         ("t5", "card-1", 500)}  # fmt: skip


@pytest.mark.parametrize("chunk", [3, 150])
def test_every_id_has_one_row_and_training_goes_on(spark: SparkSession, tmp_path: Path, chunk: int) -> None:
    # given a lake in whose ranges ids come again; small ranges know nothing of each other, as in an old lake
    settings = Settings(home=tmp_path)
    growing = GrowingLake(settings, open_lake(settings))
    growing.add(growing.transactions, STREAM, chunk)
    days = days_between(day_of(START_MS), day_of(START_MS) + timedelta(days=2))

    def running() -> AbstractContextManager[SparkSession]:
        return nullcontext(spark)

    # when rows are made, all at once and day by day
    make_profiles(V1, growing.lake, days, running)
    make_rows(V1, growing.lake, days, AdmissionSettings().lateness, 1_000, running)
    rows = rows_of(growing.lake, days[0], days[-1])
    # then those count that serving's rule and, between partitions, the earlier time let count
    names = ("transaction_id", "card_id")
    keys = zip(*(rows[name].to_pylist() for name in names), rows["amount"].to_pylist(), strict=True)
    assert sorted(keys) == sorted(COUNT)
    # and a payment that serving has scored stays in its card's state: t2 on card-0 before t4
    assert len(V1.feature_names) == len(set(V1.feature_names) & set(rows.column_names))
    (last,) = rows.filter(_is(rows, "t4")).to_pylist()
    assert last["card_count_7d"] == 3
    # and what does not count is kept with its reason
    manifests = read_days(growing.lake, features_dataset(V1))
    rejected = [
        row
        for day, manifest in manifests.items()
        if manifest.reused
        for row in growing.lake.read_table(rejected_path(V1, day)).to_pylist()
    ]
    elsewhere = {
        (row["transaction_id"], row["card_id"]) for row in rejected if "partition, which" in row["reason"]
    }
    assert elsewhere == {("t2", "card-0"), ("t3", "card-2")}
    # and training takes them
    data = make_dataset(
        V1, rows.select(list(row_columns(V1))), tables(days=1, per_day=5)[1].slice(0, 0), 2**62
    )
    assert len(data) == len(COUNT)
    assert check_rows(V1, data) == []


def _is(rows: Any, name: str) -> Any:
    import pyarrow.compute as pc

    return pc.equal(rows["transaction_id"], name)
