"""What serving had of the merchants, and what training rows have: the hour of the day, and late payments."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.sql import SparkSession

from fraud.definitions.features import DAY_MS
from fraud.features.availability import profile_days
from fraud.features.daily import date_of
from fraud.features.profiles import ProfileFeatures, values_of
from fraud.ingest.commits import day_of
from fraud.lake import Lake, open_lake
from fraud.machine.spark_environment import spark_environment
from fraud.monitoring.consistency import compare_features
from fraud.monitoring.inputs import offline_rows
from fraud.monitoring.predictions import to_columns
from fraud.preprocess.days import feature_files
from fraud.preprocess.period import choose_period
from fraud.preprocess.profiles import make_profiles, read_profiles
from fraud.preprocess.published import store_published
from fraud.preprocess.rows import make_rows
from fraud.settings import AdmissionSettings, Settings, SparkSettings
from fraud.spark import spark_session
from fraud.training.dataset import feature_matrix
from tests.definitions import V1
from tests.fraud.lakes import GrowingLake
from tests.fraud.monitoring.scored import predictions_on
from tests.fraud.streams import START_MS, accidental_stream, transaction

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

FIRST = day_of(START_MS)
LAST = FIRST + timedelta(days=9)
LATENESS = AdmissionSettings().lateness
AT_FOUR = timedelta(hours=4)
MERCHANT = slice(len(V1.kernel_features), None)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    java = Path(spark_environment()["JAVA_HOME"])
    settings = SparkSettings(master="local[2]", driver_memory="1g", java_home=java)
    with spark_session(settings) as session:
        yield session


@pytest.fixture
def growing(local_settings: Settings) -> GrowingLake:
    """Ten days of payments."""
    lake = GrowingLake(local_settings, open_lake(local_settings))
    lake.add(lake.transactions, accidental_stream(400, days=10))
    return lake


def make(spark: SparkSession, lake: Lake) -> None:
    """What one run of the preprocessing makes, with profiles that are there at four."""

    def running() -> AbstractContextManager[SparkSession]:
        return nullcontext(spark)

    period = choose_period(lake, FIRST, LAST, LAST, AT_FOUR)
    make_profiles(V1, lake, period.profile_days, running)
    make_rows(V1, lake, period.row_days, LATENESS, 1_000, running, period.available_after)


def rows_of(lake: Lake) -> pa.Table:
    table = pa.concat_tables([lake.read_table(path) for path in feature_files(V1, lake, FIRST, LAST)])
    return table.sort_by([("partition", "ascending"), ("offset", "ascending")])


def test_rows_have_the_profiles_that_serving_had_at_their_hour(
    spark: SparkSession, growing: GrowingLake
) -> None:
    # given rows, and for each payment the newest profiles that were published by then
    make(spark, growing.lake)
    rows = rows_of(growing.lake)
    due = [date_of(int(day)) for day in profile_days(rows["timestamp"].to_numpy(), AT_FOUR)]
    books = read_profiles(growing.lake, sorted(set(due)))
    assert FIRST - timedelta(days=1) in books
    early, vectors = 0, feature_matrix(rows, V1.feature_names)[:, MERCHANT]
    for place, row in enumerate(rows.to_pylist()):
        # when serving scores it with them
        served = values_of(pa.array([row["merchant_id"]]), books[due[place]])
        expected = ProfileFeatures(V1).compute(np.array([row["amount"]]), served)[0]
        # then the row has the same to the bit
        np.testing.assert_array_equal(vectors[place], expected)
        assert row["profile_date"] in (None, str(due[place]))
        early += due[place] < day_of(row["timestamp"])
    assert 0 < early < rows.num_rows / 2


def served(lake: Lake, published: dict[date, pa.Table]) -> list[Any]:
    """Predictions on the rows, with the profiles as they were published."""
    rows = rows_of(lake)
    vectors, dates = feature_matrix(rows, V1.feature_names).copy(), []
    for place, row in enumerate(rows.to_pylist()):
        day = date_of(int(profile_days(np.array([row["timestamp"]]), AT_FOUR)[0]))
        values = values_of(pa.array([row["merchant_id"]]), published[day])
        vectors[place, MERCHANT] = ProfileFeatures(V1).compute(np.array([row["amount"]]), values)[0]
        dates.append(str(day) if row["merchant_id"] in published[day]["merchant_id"].to_pylist() else None)
    for name, column in zip(V1.feature_names, vectors.T, strict=True):
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(column))
    rows = rows.set_column(rows.column_names.index("profile_date"), "profile_date", pa.array(dates))
    return predictions_on(rows, np.zeros(rows.num_rows))


def test_late_payments_cause_no_false_inconsistency(spark: SparkSession, growing: GrowingLake) -> None:
    # given a week that was served with its profiles, each day's published in the morning
    lake = growing.lake
    make(spark, lake)
    days = [FIRST + timedelta(days=number) for number in range(-1, 10)]
    published = read_profiles(lake, days)
    for day, profiles in published.items():
        store_published(lake, day, profiles)
    scored = served(lake, published)
    # when payments of day 8, of other cards, arrive late, and everything is made again
    late = [
        transaction(10_000 + number, START_MS + 8 * DAY_MS + number, card_id=f"card-{70 + number}")
        for number in range(20)
    ]
    growing.add(growing.transactions, late)
    make(spark, lake)
    again = read_profiles(lake, days)
    assert not again[LAST].equals(published[LAST])
    predictions = to_columns(V1, scored)
    offline = offline_rows(V1, lake, predictions)
    assert offline is not None
    # then the profiles differ from those that were served, and the monitor finds no inconsistency of features
    rows = rows_of(lake).filter(pc.is_in(rows_of(lake)["transaction_id"], value_set=predictions.ids))
    vectors = feature_matrix(rows, V1.feature_names)[:, MERCHANT]
    assert not np.array_equal(vectors, predictions.rows[:, MERCHANT], equal_nan=True)
    found = compare_features(V1, predictions, offline, LATENESS // timedelta(milliseconds=1))
    assert (found.compared, found.mismatched, found.stale_profiles) == (len(scored), 0, 0)
    # and without the record of what was published it would
    blind = compare_features(
        V1, predictions, replace(offline, published={}), LATENESS // timedelta(milliseconds=1)
    )
    assert blind.mismatched > 0
