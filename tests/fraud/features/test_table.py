from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.features import DAY_MS
from fraud.features.events import encode_table
from fraud.features.store import CardStore
from fraud.features.table import compute_features
from fraud.schema import transaction_arrow
from tests.definitions import V1

START_MS = 1_700_006_400_000
FIELDS = [
    field for field in transaction_arrow(V1) if field.name not in ("partition", "offset", "kafka_timestamp")
]
RATE = V1.feature_names.index("merchant_fraud_rate_1d")


def history(days: int = 12, per_day: int = 60, seed: int = 0) -> tuple[pa.Table, pa.Table]:
    """Bare transactions (no category, channel, country or place), and labels two days late."""
    random = np.random.default_rng(seed)
    count = days * per_day
    times = np.sort(START_MS + random.integers(0, days * DAY_MS, count))
    columns = {
        "transaction_id": [f"t{number}" for number in range(count)],
        "card_id": [f"c{number}" for number in random.integers(0, 20, count)],
        "merchant_id": [f"m{number}" for number in random.integers(0, 8, count)],
        "amount": random.integers(100, 50_000, count),
        "currency": ["EUR"] * count,
        "timestamp": times,
    }
    arrays = [pa.array(columns.get(field.name, [None] * count), field.type) for field in FIELDS]
    frauds = np.flatnonzero(random.random(count) < 0.1)
    labels = pa.table(
        {
            "transaction_id": [f"t{number}" for number in frauds],
            "is_fraud": [True] * len(frauds),
            "reported_at": times[frauds] + 2 * DAY_MS,
        }
    )
    return pa.table(arrays, schema=pa.schema(FIELDS)), labels


def features(transactions: pa.Table, labels: pa.Table, hours: int = 0) -> npt.NDArray[np.float32]:
    """Of all transactions, with profiles that are there so many hours after midnight."""
    delay = timedelta(hours=hours)
    return compute_features(V1, transactions, labels, lambda *_: None, available_after=delay).rows


def test_a_feature_never_sees_the_future() -> None:
    # given a history, and the same cut off at a midnight, with the labels that were reported before it
    transactions, labels = history()
    moment = START_MS + 7 * DAY_MS
    before = pa.array(transactions["timestamp"].to_numpy() < moment + DAY_MS)
    known = pa.array(labels["reported_at"].to_numpy() < moment)
    # when features are computed of both
    whole = features(transactions, labels)
    cut = features(transactions.filter(before), labels.filter(known))
    # then the rows they share are the same: what came later left no trace
    assert np.array_equal(whole[: len(cut)], cut, equal_nan=True)


def test_a_label_counts_from_the_midnight_after_its_report() -> None:
    # given a fraud on m0 that is reported at noon of day 5
    transactions, labels = history()
    of_m0 = transactions["merchant_id"].to_numpy(zero_copy_only=False) == "m0"
    row = int(np.flatnonzero(of_m0)[0])
    noon = START_MS + 5 * DAY_MS + DAY_MS // 2
    one = pa.table({"transaction_id": [f"t{row}"], "is_fraud": [True], "reported_at": [noon]})
    # when features are computed with and without it
    difference = features(transactions, one)[:, RATE] - features(transactions, labels.slice(0, 0))[:, RATE]
    days = (transactions["timestamp"].to_numpy() - START_MS) // DAY_MS
    # then nothing changes before day 6, and on it the merchant's rate of one day rises most: the others'
    # rise with the rate of all
    assert not np.nan_to_num(difference[days < 6]).any()
    on_day = days == 6
    assert difference[on_day & of_m0].min() > difference[on_day & ~of_m0].max() > 0
    assert difference[(days == 7) & of_m0].max() < difference[on_day & of_m0].min()


def test_the_profiles_are_those_that_serving_has_at_the_hour() -> None:
    # given profiles that are there at four in the morning
    transactions, labels = history()
    at_once, waiting = features(transactions, labels), features(transactions, labels, hours=4)
    early = transactions["timestamp"].to_numpy() % DAY_MS < 4 * 3_600_000
    # then only payments before that hour differ, and only in what the merchant adds
    assert np.array_equal(at_once[~early], waiting[~early], equal_nan=True)
    merchants = slice(len(V1.kernel_features), None)
    assert not np.array_equal(at_once[early, merchants], waiting[early, merchants], equal_nan=True)
    assert np.array_equal(at_once[:, : merchants.start], waiting[:, : merchants.start], equal_nan=True)
    # and a payment at one has what one of the evening before has: the same merchant's count of the same day
    count = V1.feature_names.index("merchant_count_30d")
    keys = list(zip(transactions["merchant_id"].to_pylist(), profile_days_of(transactions), strict=True))
    by_key: dict[tuple[str, int], set[float]] = {}
    for key, value in zip(keys, np.nan_to_num(waiting[:, count], nan=-1.0).tolist(), strict=True):
        by_key.setdefault(key, set()).add(value)
    assert all(len(values) == 1 for values in by_key.values())


def profile_days_of(transactions: pa.Table) -> list[int]:
    return ((transactions["timestamp"].to_numpy() - 4 * 3_600_000) // DAY_MS).tolist()  # type: ignore[no-any-return]


def test_the_kernel_is_productions_and_repeats_are_left_out() -> None:
    # given a history in which a transaction is delivered twice
    transactions, labels = history()
    twice = pa.concat_tables([transactions.slice(0, 10), transactions.slice(9)])
    # when features are computed
    found = compute_features(V1, twice, labels, lambda *_: None)
    # then the second delivery has no row, and the others are those of the store
    expected, _ = CardStore(V1).process(encode_table(V1, transactions))
    assert found.indices.tolist() == [*range(10), *range(11, twice.num_rows)]
    assert np.array_equal(found.rows[:, : len(V1.kernel_features)], expected, equal_nan=True)
