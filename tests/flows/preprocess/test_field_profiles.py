"""Training rows with profiles of fields: Spark, memory and serving agree to the bit."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from fraud.definitions.features import DAY_MS, HOUR_MS
from fraud.features.events import encode_table
from fraud.features.table import compute_features
from fraud.ingest.commits import committed_files, day_of
from fraud.labels.joining import join_labels
from fraud.labels.lake import read_labels
from fraud.lake import Lake, open_lake
from fraud.machine.spark_environment import spark_environment
from fraud.preprocess.days import DayManifest, feature_files
from fraud.preprocess.inputs import input_arrow
from fraud.preprocess.plan import days_between
from fraud.preprocess.profiles import make_profiles
from fraud.preprocess.rows import make_rows
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import ProfileHistory
from fraud.profiles.keys import field_keys
from fraud.profiles.payments import PeriodSums
from fraud.profiles.values import ProfileValues
from fraud.settings import AdmissionSettings, LabelSettings, Settings, SparkSettings
from fraud.spark import spark_session
from fraud.training.dataset import feature_matrix
from tests.definitions import PROFILED, PROFILED_FILE
from tests.fraud.lakes import GrowingLake
from tests.fraud.streams import START_MS, accidental_stream, transaction

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

FIRST = day_of(START_MS)
DAYS = 12
LAST = FIRST + timedelta(days=DAYS - 1)
DELAY, AT_FOUR = timedelta(minutes=20), timedelta(hours=4)
EVERY_MS = PROFILED.profile_every_ms
PROFILES = slice(len(PROFILED.features) - len(PROFILED.profile_features), None)


def payments(count: int = 500) -> list[dict[str, Any]]:
    """Payments of which every fourth has no device; some are late, out of order, or delivered twice."""
    wires = accidental_stream(count, days=DAYS)
    for wire in wires:
        number = int(wire["transaction_id"].removeprefix("t"))
        if number % 4:
            wire["device"] = {"fingerprint": f"device-{number % 11}", "os": "any"}
    return wires


def report(wire: dict[str, Any], after_ms: int, **changes: Any) -> dict[str, Any]:
    named = {name: wire[name] for name in ("transaction_id", "card_id")}
    return named | {
        "is_fraud": True,
        "reported_at": wire["timestamp"] + after_ms,
        "source": "chargeback",
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    java = Path(spark_environment()["JAVA_HOME"])
    with spark_session(SparkSettings(master="local[2]", driver_memory="1g", java_home=java)) as session:
        yield session


@pytest.fixture
def growing(tmp_path: Path) -> GrowingLake:
    """Payments, reports on some of them, and the revocation of some of these."""
    settings = Settings(home=tmp_path, definitions=PROFILED_FILE)
    lake, wires = GrowingLake(settings, open_lake(settings)), payments()
    lake.add(lake.transactions, wires)
    reported = [report(one, HOUR_MS * (1 + place % 30)) for place, one in enumerate(wires[::5])]
    revoked = [report(one, 2 * DAY_MS, is_fraud=False) for one in wires[::15]]
    lake.add(lake.labels, sorted(reported + revoked, key=lambda one: one["reported_at"]))
    return lake


def make(spark: SparkSession, lake: Lake) -> list[DayManifest]:
    """One run of the preprocessing; returns the days that were made."""
    days = days_between(FIRST - timedelta(days=1), LAST)
    make_profiles(PROFILED, lake, days, lambda: nullcontext(spark))
    return make_rows(
        PROFILED, lake, days[1:], AdmissionSettings().lateness, 1_000, lambda: nullcontext(spark), AT_FOUR,
        LabelSettings(), DELAY,
    )  # fmt: skip


def rows_of(lake: Lake) -> pa.Table:
    table = pa.concat_tables([lake.read_table(path) for path in feature_files(PROFILED, lake, FIRST, LAST)])
    return table.sort_by([("partition", "ascending"), ("offset", "ascending")])


def transactions(lake: Lake) -> pa.Table:
    """All deliveries, in the order of each partition."""
    paths = [file.path for file in committed_files(lake, "transactions")]
    table = pa.concat_tables([lake.read_rows(path, input_arrow(PROFILED)) for path in paths])
    return table.sort_by([("partition", "ascending"), ("offset", "ascending")])


def test_rows_of_spark_and_of_memory_are_the_same(spark: SparkSession, growing: GrowingLake) -> None:
    # given the rows that Spark makes
    made = make(spark, growing.lake)
    assert [one.date for one in made] == days_between(FIRST, LAST)
    rows = rows_of(growing.lake)
    # when memory makes them of the same lake
    history = transactions(growing.lake)
    computed = compute_features(
        PROFILED, history, read_labels(growing.lake), lambda *_: None, available_after=AT_FOUR, delay=DELAY
    )
    # then they have the same features to the bit, and profiles that are not empty
    accepted = history.take(pa.array(computed.indices))
    found = feature_matrix(rows, PROFILED.feature_names)
    assert rows["offset"].to_pylist() == accepted["offset"].to_pylist()
    for name, left, right in zip(PROFILED.feature_names, found.T, computed.rows.T, strict=True):
        np.testing.assert_array_equal(left, right, err_msg=name)
    for name, values in zip(PROFILED.feature_names[PROFILES], found[:, PROFILES].T, strict=True):
        assert len(np.unique(values[~np.isnan(values)])) > 2, name


def test_rows_have_the_profiles_of_the_newest_moment_that_serving_had(
    spark: SparkSession, growing: GrowingLake
) -> None:
    # given rows, and all payments and reports
    make(spark, growing.lake)
    rows = rows_of(growing.lake)
    found, identities = feature_matrix(rows, PROFILED.feature_names)[:, PROFILES], rows.to_pylist()
    history = transactions(growing.lake)
    history = history.take(pa.array(first_deliveries(history)))
    labels = read_labels(growing.lake)
    place_of = {(row["partition"], row["offset"]): place for place, row in enumerate(history.to_pylist())}
    for place in range(0, rows.num_rows, 9):
        row = identities[place]
        # when serving has the newest profiles that were made twenty minutes before a payment
        made_at = row["timestamp"] - DELAY // timedelta(milliseconds=1)
        moment = made_at - made_at % EVERY_MS
        payment = history.slice(place_of[row["partition"], row["offset"]], 1)
        # then the row has their features and their moment
        assert row["profile_moment"] == moment
        np.testing.assert_array_equal(found[place], served(history, labels, payment, moment))


def first_deliveries(table: pa.Table) -> list[int]:
    pairs = zip(table["card_id"].to_pylist(), table["transaction_id"].to_pylist(), strict=True)
    firsts: dict[tuple[str, str], int] = {}
    for place, pair in enumerate(pairs):
        firsts.setdefault(pair, place)
    return list(firsts.values())


def served(history: pa.Table, labels: pa.Table, payment: pa.Table, moment_ms: int) -> np.ndarray:
    """A payment's features by profiles that are made of nothing but what was there at their moment."""
    known = history.filter(pa.array(history["timestamp"].to_numpy() < moment_ms))
    reported = labels.filter(pa.array(labels["reported_at"].to_numpy() < moment_ms))
    events, one = encode_table(PROFILED, known), encode_table(PROFILED, payment)
    reports, values = join_labels(known, reported).history, ProfileValues(PROFILED)
    keys, moments = field_keys(PROFILED, one), np.array([moment_ms // EVERY_MS])
    amount, figures = PROFILED.field_index["amount"], {}
    for field, known_keys in field_keys(PROFILED, events).items():
        paid = PeriodSums.of_payments(
            known_keys, events.heads["timestamp"], events.values[:, amount], EVERY_MS
        )
        frauds = FraudPeriods.of_history(reports, known_keys, EVERY_MS)
        figures[field] = ProfileHistory(paid, frauds, values.columns[field]).at(keys[field], moments)
    return np.asarray(values.compute(figures, keys, moments, one.values[:, amount])[0])


def test_a_late_label_changes_the_days_after_its_report(spark: SparkSession, growing: GrowingLake) -> None:
    # given made days
    make(spark, growing.lake)
    assert make(spark, growing.lake) == []
    before = rows_of(growing.lake)
    # when a fraud of the third day is reported on the eighth, and that is known only now
    late = next(one for one in payments()[1::5] if day_number_of(one) == 2 and "device" in one)
    growing.add(growing.labels, [report(late, 5 * DAY_MS)])
    made = [one.date for one in make(spark, growing.lake)]
    # then the days from the report on are made again, with one more fraud of the device and the merchant
    assert made == days_between(FIRST + timedelta(days=7), LAST)
    changes = (
        rows_of(growing.lake)["merchant_frauds_30d"].to_numpy() - before["merchant_frauds_30d"].to_numpy()
    )
    changed = before.filter(pa.array(changes != 0))
    assert set(changed["merchant_id"].to_pylist()) == {late["merchant_id"]}
    assert np.nanmax(changes) == 1
    assert min(changed["timestamp"].to_pylist()) > late["timestamp"] + 5 * DAY_MS


def day_number_of(wire: dict[str, Any]) -> int:
    since: timedelta = day_of(wire["timestamp"]) - FIRST
    return since.days


def test_a_late_payment_changes_the_days_from_its_own_on(spark: SparkSession, growing: GrowingLake) -> None:
    # given made days
    make(spark, growing.lake)
    # when a payment of the last day but one arrives
    late = transaction(9_000, START_MS + (DAYS - 1) * DAY_MS - HOUR_MS, card_id="card-70")
    growing.add(growing.transactions, [late])
    made = [one.date for one in make(spark, growing.lake)]
    # then its own day and the one after it are made again
    assert made == [LAST - timedelta(days=1), LAST]
