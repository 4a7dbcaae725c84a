"""Differences and how sure they are."""

import numpy as np
import pytest

from fraud.evaluation.comparison.confidence import Difference, block_draws, differences
from fraud.training.dataset import Dataset
from tests.fraud.training.synthetic import dataset


@pytest.fixture(scope="module")
def window() -> Dataset:
    return dataset(days=14, per_day=200)


def of_means(window: Dataset, values: np.ndarray) -> Difference:
    return differences(window, {"mean": lambda w: float(w @ values / w.sum())}, draws=300, seed=0)["mean"]


def test_the_spreads_of_cards_and_of_days_count(window: Dataset) -> None:
    # given a figure that differs by rows alone, and one that differs by days
    random = np.random.default_rng(0)
    days = (window.timestamps - window.timestamps[0]) // 86_400_000
    of_rows = of_means(window, random.normal(0.0, 1.0, len(window)))
    of_days = of_means(window, random.normal(0.0, 1.0, 15)[days])
    # then each has its own spread
    assert of_rows.by_card == pytest.approx(1 / np.sqrt(len(window)), rel=0.2)
    assert of_days.by_block > 5 * of_days.by_card
    assert of_days.interval.low < of_days.value - 2 * of_days.by_block


def test_waves_of_days_are_seen(window: Dataset) -> None:
    # given figures that differ from day to day, and by halves of the window
    days = (window.timestamps - window.timestamps[0]) // 86_400_000
    alternating = of_means(window, np.where(days % 2, 1.0, -1.0))
    halves = of_means(window, np.where(days < 7, 1.0, -1.0))
    # then the one that stays for days is the less sure, although the days are as far apart
    assert halves.by_block > 2 * alternating.by_block


def test_draws_of_days_keep_the_sum_and_treat_days_alike() -> None:
    days = np.repeat(np.arange(10), 5)
    drawn = np.array(list(block_draws(days, 4_000, 0)))
    assert drawn.sum(axis=1) == pytest.approx(50.0)
    assert drawn.mean(axis=0) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_window_of_few_days_can_be_drawn(count: int) -> None:
    (drawn,) = block_draws(np.arange(count), 1, 0)
    assert drawn.sum() == pytest.approx(count)


def test_the_surer_the_lower(window: Dataset) -> None:
    found = of_means(window, window.labels.astype(float))
    bounds = [found.lower_bound(level) for level in (0.5, 0.025, 0.001)]
    assert bounds[0] == pytest.approx(found.value)
    assert bounds == sorted(bounds, reverse=True)
    # A promotion asks for more than an interval does.
    assert bounds[1] < found.interval.low


def test_few_groups_make_it_unsure() -> None:
    many, few = Difference(1.0, 0.1, 0.1, 60), Difference(1.0, 0.1, 0.1, 4)
    assert few.lower_bound(0.001) < many.lower_bound(0.001)
