"""Preprocessing with a real Spark: the same vectors as serving's, whichever days are made when."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from fraud.definitions.features import DAY_MS
from fraud.errors import ConfigurationError, DataError
from fraud.features.events import encode_transactions
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from fraud.features.store import CardStore
from fraud.ingest.commits import committed_files, day_of
from fraud.lake import Lake, open_lake
from fraud.machine.spark_environment import spark_environment
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native.id_index import ACCEPTED
from fraud.preprocess.days import DayManifest, feature_files, features_dataset, read_days
from fraud.preprocess.period import choose_period
from fraud.preprocess.plan import days_between
from fraud.preprocess.profiles import make_profiles, read_profiles
from fraud.preprocess.rows import make_rows
from fraud.settings import AdmissionSettings, Settings, SparkSettings
from fraud.spark import spark_session, workers_errors
from tests.definitions import V1
from tests.fraud.lakes import PARTITIONS, GrowingLake
from tests.fraud.streams import START_MS, accidental_stream, label, transaction

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

FIRST = day_of(START_MS)
DAYS = 45
LATENESS = AdmissionSettings().lateness


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """One session, whose small batches let cards go on from one to the next."""
    java = Path(spark_environment()["JAVA_HOME"])
    conf = {"spark.sql.codegen.wholeStage": "false"}
    settings = SparkSettings(
        master="local[2]", driver_memory="1g", arrow_batch_rows=64, java_home=java, conf=conf
    )
    with spark_session(settings) as session:
        yield session


def make(spark: SparkSession, lake: Lake, first: date, last: date) -> tuple[list[date], list[DayManifest]]:
    def running() -> AbstractContextManager[SparkSession]:
        return nullcontext(spark)

    days = days_between(first, last)
    return make_profiles(V1, lake, days, running), make_rows(V1, lake, days, LATENESS, 1_000, running)


def rows_of(lake: Lake, first: date, last: date) -> pa.Table:
    """The rows by position, whatever files they are in."""
    table = pa.concat_tables(lake.read_table(path) for path in feature_files(V1, lake, first, last))
    return table.sort_by([("partition", "ascending"), ("offset", "ascending")])


def floating(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_floating(column.type))


def same_bits(left: pa.Table, right: pa.Table) -> bool:
    """Equality in which NaN equals NaN."""
    return left.column_names == right.column_names and all(
        np.array_equal(left[name].to_numpy(), right[name].to_numpy(), equal_nan=floating(left[name]))
        for name in left.column_names
    )


@pytest.fixture(scope="module")
def stream() -> list[dict[str, Any]]:
    return accidental_stream(900, days=DAYS)


@pytest.fixture(scope="module")
def label_messages() -> list[dict[str, Any]]:
    step = DAYS * DAY_MS // 900
    return [label(number, START_MS + number * step + 5 * DAY_MS) for number in range(0, 900, 9)]


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory,
    stream: list[dict[str, Any]],
    label_messages: list[dict[str, Any]],
) -> GrowingLake:
    """A lake with everything."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    growing = GrowingLake(settings, open_lake(settings))
    growing.add(growing.transactions, stream)
    growing.add(growing.labels, [one | {"card_id": card_of(stream, one)} for one in label_messages])
    return growing


def card_of(stream: list[dict[str, Any]], label: dict[str, Any]) -> str:
    return next(str(one["card_id"]) for one in stream if one["transaction_id"] == label["transaction_id"])


@pytest.fixture(scope="module")
def all_at_once(spark: SparkSession, filled: GrowingLake) -> pa.Table:
    """The rows of all days, made in one run."""
    last = choose_period(filled.lake, None, None, FIRST).last
    make(spark, filled.lake, FIRST, last)
    return rows_of(filled.lake, FIRST, last)


def served(settings: Settings, lake: Lake, stream: list[dict[str, Any]]) -> dict[tuple[int, int], Any]:
    """The vectors that serving computes, message by message, by position; a repeat has none."""
    profiles = read_profiles(lake, choose_period(lake, None, None, FIRST).row_days)
    found: dict[tuple[int, int], Any] = {}
    for partition in range(PARTITIONS):
        store, admission, offset = CardStore(V1), AdmissionFilter(V1, settings.admission), -1
        for wire in stream:
            if int(str(wire["card_id"]).rpartition("-")[2]) % PARTITIONS != partition:
                continue
            offset += 1
            admitted = admission.validate(msgspec.json.encode(wire), int(wire["timestamp"]))
            assert isinstance(admitted, Admitted)
            kernel, accepted = store.process(encode_transactions(V1, [admitted]))
            if accepted[0] == ACCEPTED:
                row = profile_row(profiles, admitted)
                merchant = ProfileFeatures(V1).compute(np.array([admitted.amount]), row)
                found[partition, offset] = np.hstack([kernel, merchant])[0]
    return found


def profile_row(profiles: dict[date, pa.Table], one: Admitted) -> Any:
    table = profiles[day_of(one.transaction.timestamp)]
    known = [row for row in table.to_pylist() if row["merchant_id"] == one.transaction.merchant_id]
    unknown = [[np.nan] * len(PROFILE_COLUMNS)]
    return np.array([[row[name] for name in PROFILE_COLUMNS] for row in known] or unknown)


def test_rows_equal_what_serving_computes_to_the_bit(
    filled: GrowingLake, stream: list[dict[str, Any]], all_at_once: pa.Table
) -> None:
    # given what serving computes from a stream with late, unordered and repeated events
    expected = served(Settings(), filled.lake, stream)
    assert len(expected) < len(stream)
    # when Spark made the rows from the lake
    places = zip(all_at_once["partition"].to_pylist(), all_at_once["offset"].to_pylist(), strict=True)
    vectors = np.column_stack([all_at_once[name].to_numpy().astype(np.float32) for name in V1.feature_names])
    made = dict(zip(places, vectors, strict=True))
    # then they are the same transactions with the same vectors
    assert made.keys() == expected.keys()
    for place, vector in made.items():
        np.testing.assert_array_equal(vector, expected[place], err_msg=str(place))


def test_day_by_day_equals_all_at_once(
    spark: SparkSession, filled: GrowingLake, all_at_once: pa.Table, tmp_path: Path
) -> None:
    # given the same transactions in a lake without rows
    other = Lake(filled.lake.filesystem, str(tmp_path / "other"))
    for path in filled.lake.list_all(""):
        if path.split("/")[0] in ("transactions", "labels"):
            other.filesystem.makedirs(other.path(path.rpartition("/")[0]), exist_ok=True)
            other.filesystem.copy(filled.lake.path(path), other.path(path))
    # when some days after the warm-up are made one by one
    for number in (34, 35, 40):
        day = FIRST + timedelta(days=number)
        make(spark, other, day, day)
        # then they are what the full run made
        assert same_bits(rows_of(other, day, day), rows_of(filled.lake, day, day))


def test_unchanged_days_are_not_made_again(
    spark: SparkSession, local_settings: Settings, stream: list[dict[str, Any]]
) -> None:
    # given days that were made
    growing = GrowingLake(local_settings, open_lake(local_settings))
    short = stream[:200]
    growing.add(growing.transactions, short)
    lake, last = growing.lake, FIRST + timedelta(days=9)
    make(spark, lake, FIRST, last)
    before = read_days(lake, features_dataset(V1))
    # when nothing changed, then nothing is made
    assert make(spark, lake, FIRST, last) == ([], [])
    # and when a fraud of an early day is reported on day 6
    growing.add(growing.labels, [label(3, START_MS + 6 * DAY_MS + 1) | {"card_id": short[3]["card_id"]}])
    profiles, rows = make(spark, lake, FIRST, last)
    # then the days after it are made again, and no earlier one
    assert [day.date for day in rows] == days_between(FIRST + timedelta(days=7), last)
    assert profiles == days_between(FIRST + timedelta(days=7), last)
    # and only the files that count are there
    counted = {path for day in read_days(lake, features_dataset(V1)).values() for path in day.files}
    assert set(lake.list_files(features_dataset(V1))) == counted
    assert {day: before[day] for day in days_between(FIRST, FIRST + timedelta(days=6))}.items() <= read_days(
        lake, features_dataset(V1)
    ).items()


def test_a_broken_file_is_named(spark: SparkSession, local_settings: Settings) -> None:
    # given a lake in which a file was cut short
    growing = GrowingLake(local_settings, open_lake(local_settings))
    growing.add(growing.transactions, [transaction(0, START_MS)])
    broken = committed_files(growing.lake, "transactions")[0].path
    Path(growing.lake.path(broken)).write_bytes(b"PAR1")

    @contextmanager
    def running() -> Iterator[SparkSession]:
        with workers_errors():
            yield spark

    # when its day is made, then the sentence names it
    with pytest.raises(DataError, match=broken):
        make_profiles(V1, growing.lake, [FIRST + timedelta(days=1)], running)


def test_days_outside_the_lake_are_refused(local_settings: Settings) -> None:
    # given a lake with one day
    growing = GrowingLake(local_settings, open_lake(local_settings))
    lake = growing.lake
    with pytest.raises(DataError, match=r"run flows/ingest\.py"):
        choose_period(lake, None, None, FIRST)
    growing.add(growing.transactions, [transaction(0, START_MS)])
    # when others are asked for, then the sentence says what there is
    with pytest.raises(DataError, match=f"from {FIRST} to {FIRST}"):
        choose_period(lake, date(2020, 1, 1), date(2020, 1, 2), FIRST)
    with pytest.raises(ConfigurationError, match="swap"):
        choose_period(lake, date(2024, 1, 2), date(2024, 1, 1), FIRST)
    assert choose_period(lake, None, None, FIRST).publish == FIRST
    assert choose_period(lake, None, None, date(2026, 1, 1)).publish == FIRST + timedelta(days=1)
