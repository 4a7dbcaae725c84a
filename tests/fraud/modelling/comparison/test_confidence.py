"""Differences and how sure they are."""

import numpy as np
import pytest

from fraud.modelling.comparison.confidence import Difference, differences
from fraud.modelling.dataset import Dataset
from tests.fraud.modelling.synthetic import dataset


@pytest.fixture(scope="module")
def window() -> Dataset:
    return dataset(days=14, per_day=200)


def of_means(window: Dataset, values: np.ndarray) -> Difference:
    return differences(window, {"mean": lambda w: float(w @ values / w.sum())}, draws=300, seed=0)["mean"]


def test_the_wider_of_cards_and_days_counts(window: Dataset) -> None:
    # given a figure that differs by rows alone, and one that differs by days
    random = np.random.default_rng(0)
    days = (window.timestamps - window.timestamps[0]) // 86_400_000
    of_rows = of_means(window, random.normal(0.0, 1.0, len(window)))
    of_days = of_means(window, random.normal(0.0, 1.0, 15)[days])
    # then each has its own spread
    assert of_rows.by_card == pytest.approx(1 / np.sqrt(len(window)), rel=0.2)
    assert of_days.by_day > 5 * of_days.by_card
    assert of_days.interval.low < of_days.value - 2 * of_days.by_day


def test_the_surer_the_lower(window: Dataset) -> None:
    found = of_means(window, window.labels.astype(float))
    bounds = [found.lower(level) for level in (0.5, 0.025, 0.001)]
    assert bounds[0] == pytest.approx(found.value)
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[1] == found.interval.low


def test_few_groups_make_it_unsure() -> None:
    many, few = Difference(1.0, 0.1, 0.1, 500, 60), Difference(1.0, 0.1, 0.1, 500, 4)
    assert few.lower(0.001) < many.lower(0.001)
