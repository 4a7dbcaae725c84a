import numpy as np
import pytest

from fraud.training.fit import training_rows
from fraud.training.imbalance import Imbalance, Strategy, TrainingRows, resample, thin
from tests.fraud.training.synthetic import dataset

RESAMPLING: tuple[Strategy, ...] = ("undersample", "smote", "smote_tomek")


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    return training_rows(dataset(days=20, per_day=100, fraud_rate=0.03))


@pytest.mark.parametrize("strategy", ["none", "scale_pos_weight"])
def test_these_leave_the_rows_alone(rows: TrainingRows, strategy: Strategy) -> None:
    assert resample(Imbalance(strategy), rows, 0) is rows


@pytest.mark.parametrize("strategy", RESAMPLING)
def test_the_ratio_is_reached_and_the_input_untouched(rows: TrainingRows, strategy: Strategy) -> None:
    before = rows.rows.copy()
    done = resample(Imbalance(strategy, ratio=0.2), rows, 0)
    frauds = int(done.labels.sum())
    assert frauds / (len(done.labels) - frauds) == pytest.approx(0.2, rel=0.05)
    assert len(done.rows) == len(done.labels) == len(done.weights)
    assert np.array_equal(rows.rows, before, equal_nan=True)


@pytest.mark.parametrize("strategy", RESAMPLING)
def test_the_same_seed_gives_the_same_rows(rows: TrainingRows, strategy: Strategy) -> None:
    first, second = (resample(Imbalance(strategy, ratio=0.2), rows, 5) for _ in range(2))
    assert np.array_equal(first.rows, second.rows, equal_nan=True)


def test_synthetic_frauds_know_no_more_than_real_ones(rows: TrainingRows) -> None:
    done = resample(Imbalance("smote", ratio=0.3), rows, 0)
    synthetic = done.rows[len(rows.labels) :]
    real = rows.rows[rows.labels == 1]
    assert len(synthetic)
    assert np.isnan(synthetic).mean() == pytest.approx(np.isnan(real).mean(), abs=0.03)


def test_columns_nobody_knows_stay_unknown(rows: TrainingRows) -> None:
    blank = rows.rows.copy()
    blank[:, 4] = np.nan
    done = resample(Imbalance("smote", ratio=0.2), TrainingRows(blank, rows.labels, rows.weights), 0)
    assert np.isnan(done.rows[:, 4]).all()


def test_thinning_keeps_every_fraud_and_the_sum_of_weights(rows: TrainingRows) -> None:
    done, places = thin(rows, 300, seed=0)
    assert done.labels.sum() == rows.labels.sum()
    assert (done.labels == 0).sum() == 300
    assert done.weights.sum() == pytest.approx(rows.weights.sum(), rel=1e-4)
    assert np.array_equal(rows.rows[places], done.rows, equal_nan=True)
