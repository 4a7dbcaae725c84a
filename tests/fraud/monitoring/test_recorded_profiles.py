"""What predictions should have of profiles, at the moments that they record."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS, HOUR_MS, MINUTE_MS
from fraud.features.events import encode_table
from fraud.ingest.commits import committed_files, day_of
from fraud.lake import Lake, open_lake
from fraud.monitoring.recorded_profiles import RecordedProfiles, recorded_profiles
from fraud.preprocess.field_profiles import field_histories
from fraud.preprocess.inputs import input_arrow
from fraud.profiles.joined import FieldProfiles
from fraud.profiles.keys import field_keys
from fraud.profiles.making.published_runs import store_run
from fraud.profiles.values import NO_MOMENT
from fraud.settings import LabelSettings, Settings
from tests.definitions import PROFILED, PROFILED_FILE
from tests.fraud.lakes import GrowingLake
from tests.fraud.streams import START_MS, transaction

DAYS, A_DAY = 4, 48
EVERY_MS = PROFILED.profile_every_ms
RULES = LabelSettings()

Ints = np.ndarray[Any, np.dtype[np.int64]]
Rows = np.ndarray[Any, np.dtype[np.float32]]


def payment(number: int, time_ms: int, **changes: Any) -> dict[str, Any]:
    device = {} if number % 4 == 0 else {"device": {"fingerprint": f"device-{number % 3}"}}
    return transaction(number, time_ms, **device, **changes)


@pytest.fixture
def growing(tmp_path: Path) -> GrowingLake:
    """Four days of payments, some reported the day after."""
    settings = Settings(home=tmp_path, definitions=PROFILED_FILE)
    lake = GrowingLake(settings, open_lake(settings))
    wires = [payment(number, START_MS + number * DAY_MS // A_DAY) for number in range(DAYS * A_DAY)]
    lake.add(lake.transactions, wires)
    lake.add(lake.labels, [
        {name: one[name] for name in ("transaction_id", "card_id")}
        | {"is_fraud": True, "reported_at": one["timestamp"] + DAY_MS, "source": "chargeback"}
        for one in wires[: 3 * A_DAY : 7]
    ])  # fmt: skip
    return lake


def payments_of(lake: Lake) -> pa.Table:
    """The payments of the last day, as training rows name them."""
    paths = [file.path for file in committed_files(lake, "transactions")]
    table = pa.concat_tables([lake.read_rows(path, input_arrow(PROFILED)) for path in paths])
    first = START_MS + (DAYS - 1) * DAY_MS
    return table.filter(pa.array(table["timestamp"].to_numpy() >= first)).sort_by("transaction_id")


def moments_of(payments: pa.Table, minutes: int = 7) -> Ints:
    """Serving had the profiles of the period before, and every third payment those of an hour before."""
    times = payments["timestamp"].to_numpy() - minutes * MINUTE_MS
    times = times - HOUR_MS * (np.arange(len(times)) % 3 == 0)
    return np.asarray(times - times % EVERY_MS, dtype=np.int64)


def served_at(lake: Lake, payments: pa.Table, moments: Ints) -> Rows:
    events = encode_table(PROFILED, payments)
    keys, amounts = field_keys(PROFILED, events), events.values[:, PROFILED.field_index["amount"]]
    histories = field_histories(lake, PROFILED, day_of(START_MS), day_of(int(moments.max())), RULES)
    return FieldProfiles(histories, timedelta()).at(PROFILED, keys, moments, amounts)


def publish(lake: Lake, moments: Ints) -> None:
    """Publish all keys at each moment, as the lake has them now."""
    histories = field_histories(lake, PROFILED, day_of(START_MS), day_of(int(moments.max())), RULES)
    for moment in np.unique(moments // EVERY_MS).tolist():
        for field, history in histories.items():
            figures = history.at(history.keys, np.full(len(history.keys), moment))
            store_run(lake, PROFILED, field, moment, history.keys, figures)


def check(lake: Lake, payments: pa.Table, served: Rows, moments: Ints) -> RecordedProfiles:
    return recorded_profiles(PROFILED, lake, payments, served, moments, RULES)


def test_each_prediction_is_compared_at_its_own_moment(growing: GrowingLake) -> None:
    # given predictions, some with older profiles than others, and one before there were any
    payments = payments_of(growing.lake)
    moments = moments_of(payments)
    served = served_at(growing.lake, payments, moments)
    moments[5], served[5] = NO_MOMENT, np.nan
    # when their features are computed again
    found = check(growing.lake, payments, served, moments)
    # then they are the same to the bit, and not those of other moments
    np.testing.assert_array_equal(found.rows, served)
    assert found.revised == 0
    assert not np.array_equal(
        served, served_at(growing.lake, payments, moments_of(payments, 300)), equal_nan=True
    )


def test_a_wrong_feature_is_found(growing: GrowingLake) -> None:
    # given a prediction with another feature than was published
    payments = payments_of(growing.lake)
    moments = moments_of(payments)
    right = served_at(growing.lake, payments, moments)
    publish(growing.lake, moments)
    wrong = right.copy()
    wrong[11, 2] += 1
    # then the recomputation has the right one
    found = check(growing.lake, payments, wrong, moments)
    np.testing.assert_array_equal(found.rows, right)
    assert found.revised == 0


def test_what_was_published_before_a_late_payment_counts(growing: GrowingLake) -> None:
    # given predictions by profiles as they were published
    lake, payments = growing.lake, payments_of(growing.lake)
    moments = moments_of(payments)
    served = served_at(lake, payments, moments)
    # when payments arrive late, of a known merchant and of one without any other payment
    late = START_MS + (DAYS - 1) * DAY_MS - HOUR_MS
    growing.add(growing.transactions, [payment(9_001, late), payment(9_002, late, merchant_id="new")])
    blind = check(lake, payments, served, moments)
    # then the lake alone would have other features
    changed = (blind.rows != served) & ~(np.isnan(blind.rows) & np.isnan(served))
    assert changed.any()
    assert blind.revised == 0


def test_profiles_are_compared_as_published(growing: GrowingLake) -> None:
    # given predictions by published profiles
    lake, payments = growing.lake, payments_of(growing.lake)
    moments = moments_of(payments)
    served = served_at(lake, payments, moments)
    publish(lake, moments)
    # when a payment arrives late, and some of the profiles are published a second time at their moment
    late = START_MS + (DAYS - 1) * DAY_MS - HOUR_MS
    growing.add(growing.transactions, [payment(9_001, late)])
    publish(lake, moments[:9])
    found = check(lake, payments, served, moments)
    # then what serving had is found, and said to be revised since
    np.testing.assert_array_equal(found.rows, served)
    assert 0 < found.revised < len(served)
