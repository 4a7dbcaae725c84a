from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from fraud.errors import DataError
from fraud.training.contracts.rows import check_rows, require_no_leak, require_valid_rows
from fraud.training.dataset import Dataset
from fraud.training.splits import TimeRange
from tests.definitions import V1
from tests.fraud.training.synthetic import dataset


@pytest.fixture
def data() -> Dataset:
    return dataset(days=20, per_day=100)


def test_sound_data_pass(data: Dataset) -> None:
    require_valid_rows(V1, data)
    require_no_leak(data)


def test_a_repeated_transaction_is_named(data: Dataset) -> None:
    twice = np.sort(np.append(np.arange(len(data)), 17))
    breaches = check_rows(V1, data.take(twice))
    assert [(one.contract, one.rows, one.transactions) for one in breaches] == [
        ("transaction_id is unique", 1, ("t17",))
    ]


def test_a_negative_amount_stops_the_training(data: Dataset) -> None:
    amounts = data.amounts.copy()
    amounts[5] = -1
    with pytest.raises(DataError, match=r"amount is not negative.*t5"):
        require_valid_rows(V1, replace(data, amounts=amounts))


def test_infinite_features_are_found(data: Dataset) -> None:
    rows = data.rows.copy()
    rows[3, 7] = np.inf
    assert [one.contract for one in check_rows(V1, replace(data, rows=rows))] == ["features are not infinite"]


def test_missing_identifiers_are_found(data: Dataset) -> None:
    cards = [None, *data.identity["card_id"].to_pylist()[1:]]
    identity = data.identity.set_column(1, "card_id", pa.array(cards, pa.string()))
    assert check_rows(V1, replace(data, identity=identity))[0].contract == "identifiers are present"


def test_rows_outside_the_period_are_found(data: Dataset) -> None:
    period = TimeRange(int(data.timestamps[1]), int(data.timestamps[-1]) + 1)
    assert [one.rows for one in check_rows(V1, data, period)] == [1]


def test_one_class_only_is_a_sentence(data: Dataset) -> None:
    with pytest.raises(DataError, match="no fraud"):
        require_valid_rows(V1, replace(data, labels=np.zeros_like(data.labels)))
    with pytest.raises(DataError, match="nothing but fraud"):
        require_valid_rows(V1, replace(data, labels=np.ones_like(data.labels)))


def test_inverted_labels_are_suspected(data: Dataset) -> None:
    with pytest.raises(DataError, match="inverted"):
        require_valid_rows(V1, replace(data, labels=(1 - data.labels).astype(np.int8)))


@pytest.mark.parametrize("disguise", ["plain", "inverted", "noisy", "missing"])
def test_a_leaked_label_is_caught(data: Dataset, disguise: str) -> None:
    # given the label as a feature, in several disguises
    label = data.labels.astype(np.float32)
    noise = np.random.default_rng(0).normal(0.0, 0.1, len(data)).astype(np.float32)
    values = {
        "plain": label,
        "inverted": -label,
        "noisy": label + noise,
        "missing": np.where(label == 1, np.nan, noise),
    }
    rows = data.rows.copy()
    rows[:, 11] = values[disguise]
    # then it is named
    with pytest.raises(DataError, match=data.feature_names[11]):
        require_no_leak(replace(data, rows=rows))


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("hour", 24.0),
        ("weekday", -1.0),
        ("is_night", 2.0),
        ("merchant_fraud_rate_7d", -0.1),
        ("card_sum_1h", -5.0),
    ],
)
def test_a_feature_out_of_its_bounds_stops_the_training(data: Dataset, feature: str, value: float) -> None:
    rows = data.rows.copy()
    rows[9, data.feature_names.index(feature)] = value
    with pytest.raises(DataError, match=r"within their bounds.*t9"):
        require_valid_rows(V1, replace(data, rows=rows))


def test_a_merchant_may_have_more_reports_than_payments_in_a_window(data: Dataset) -> None:
    rows = data.rows.copy()
    rows[9, data.feature_names.index("merchant_fraud_rate_7d")] = 1.1
    require_valid_rows(V1, replace(data, rows=rows))
