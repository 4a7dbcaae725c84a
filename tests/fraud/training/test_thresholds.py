from dataclasses import replace

import numpy as np
import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.evaluation.metrics import money_saved
from fraud.training.dataset import Dataset
from fraud.training.thresholds import ThresholdPolicy, ThresholdRules, choose_threshold
from tests.fraud.training.synthetic import dataset


@pytest.fixture
def data() -> Dataset:
    return dataset(days=20, per_day=100)


@pytest.fixture
def scores(data: Dataset) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.2, len(data))
    return np.clip(0.3 + 0.4 * data.labels + noise, 0.001, 0.999)


def rules(policy: ThresholdPolicy, **changes: float) -> ThresholdRules:
    return replace(ThresholdRules(policy, review_cost=500, min_precision=0.8, alerts_per_day=5), **changes)  # type: ignore[arg-type]


def test_cost_saves_more_than_any_other_threshold(data: Dataset, scores: np.ndarray) -> None:
    chosen = choose_threshold(rules("cost"), data, scores)
    best = money_saved(data, scores, chosen.value, 500).sum()
    assert all(money_saved(data, scores, other, 500).sum() <= best for other in np.linspace(0, 1, 101))
    assert "saves the most" in chosen.reason


def test_dearer_reviews_raise_the_threshold(data: Dataset, scores: np.ndarray) -> None:
    cheap = choose_threshold(rules("cost", review_cost=10), data, scores)
    dear = choose_threshold(rules("cost", review_cost=3_000), data, scores)
    assert cheap.value < dear.value


def test_reviews_that_never_pay_are_not_asked_for(data: Dataset, scores: np.ndarray) -> None:
    chosen = choose_threshold(rules("cost", review_cost=10_000_000), data, scores)
    assert chosen.value == 1.0
    assert "no threshold" in chosen.reason


def test_precision_is_kept_with_the_most_recall(data: Dataset, scores: np.ndarray) -> None:
    chosen = choose_threshold(rules("precision"), data, scores)
    assert data.labels[scores >= chosen.value].mean() >= 0.8
    lower = np.sort(scores[scores < chosen.value])[-40]
    assert data.labels[scores >= lower].mean() < 0.8


def test_a_precision_out_of_reach_is_in_the_reason(data: Dataset) -> None:
    noise = np.random.default_rng(0).random(len(data))
    assert "out of reach" in choose_threshold(rules("precision"), data, noise).reason


def test_capacity_holds_on_every_day(data: Dataset, scores: np.ndarray) -> None:
    chosen = choose_threshold(rules("capacity"), data, scores)
    alerts = np.unique(data.timestamps[scores >= chosen.value] // DAY_MS, return_counts=True)[1]
    assert alerts.max() == 5


def test_a_validation_without_fraud_is_a_sentence(data: Dataset, scores: np.ndarray) -> None:
    with pytest.raises(DataError, match="no fraud"):
        choose_threshold(rules("cost"), replace(data, labels=np.zeros_like(data.labels)), scores)
