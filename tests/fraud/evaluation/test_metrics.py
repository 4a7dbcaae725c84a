from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud.definitions.features import DAY_MS
from fraud.evaluation.metrics import (
    Ranked,
    average_precision,
    bootstrap_by_card,
    card_precision_by_day,
    evaluate,
    money_saved,
)
from fraud.training.dataset import Dataset
from tests.fraud.training.synthetic import dataset


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_figures_are_those_of_scikit_learn_with_ties_and_weights(decimals: int) -> None:
    random = np.random.default_rng(decimals)
    labels = (random.random(500) < 0.2).astype(np.int8)
    scores = np.round(random.random(500) + 0.3 * labels.astype(np.float64), decimals)
    weights = random.integers(0, 4, 500).astype(np.float64)
    ranked = Ranked.of(labels, scores)
    for weight in (None, weights):
        assert ranked.average_precision(weight) == pytest.approx(
            average_precision_score(labels, scores, sample_weight=weight)
        )
        assert ranked.auc(weight) == pytest.approx(roc_auc_score(labels, scores, sample_weight=weight))


def test_infinite_scores_can_be_ranked() -> None:
    assert average_precision(np.array([1, 0], dtype=np.int8), np.array([np.inf, -np.inf])) == 1.0


def of_days(days: list[int], cards: list[int], labels: list[int]) -> Dataset:
    """A dataset of exactly these rows."""
    some = dataset(days=3, per_day=50).take(np.arange(len(days)))
    return replace(
        some,
        timestamps=np.array(days) * DAY_MS,
        cards=np.array(cards),
        labels=np.array(labels, dtype=np.int8),
        amounts=np.full(len(days), 1_000),
    )


def test_a_card_found_is_out_of_the_way_on_later_days() -> None:
    # given card 1 fraudulent on both days
    data = of_days([0, 0, 0, 1, 1, 1], [1, 2, 3, 1, 2, 3], [1, 0, 0, 1, 0, 0])
    # when card 1 scores highest every day and card 2 comes next
    scores = np.array([0.9, 0.5, 0.1, 0.9, 0.5, 0.1])
    # then the second day's first place is card 2's, which is honest
    assert card_precision_by_day(data, scores, k=1).tolist() == [1.0, 0.0]


def test_a_card_counts_with_its_highest_score() -> None:
    data = of_days([0, 0, 0], [1, 1, 2], [1, 0, 0])
    assert card_precision_by_day(data, np.array([0.2, 0.8, 0.5]), k=1).tolist() == [1.0]


def test_fewer_cards_than_places_lower_the_precision() -> None:
    data = of_days([0, 0], [1, 2], [1, 0])
    assert card_precision_by_day(data, np.array([0.9, 0.1]), k=4).tolist() == [0.25]


def test_reviews_cost_and_frauds_stopped_pay() -> None:
    data = of_days([0, 0, 0], [1, 2, 3], [1, 0, 1])
    saved = money_saved(data, np.array([0.9, 0.8, 0.1]), 0.5, review_cost=100)
    assert saved.tolist() == [900, -100, 0]


def test_an_interval_holds_its_figure() -> None:
    data = dataset(days=20, per_day=100)
    scores = np.nan_to_num(data.rows[:, data.feature_names.index("amount_ratio_30d")].astype(np.float64))
    evaluation = evaluate(data, scores, 2.0, review_cost=500, draws=100)
    for name in ("average_precision", "auc", "precision", "recall", "money_saved", "card_precision"):
        estimate = getattr(evaluation, name)
        assert estimate.low <= estimate.value <= estimate.high, name
        assert estimate.low < estimate.high, name
    assert all(np.isfinite(list(evaluation.metrics.values())))


def test_cards_are_drawn_whole() -> None:
    # given cards whose rows say all the same
    cards = np.repeat(np.arange(10), 50)
    # then a share of cards is as uncertain as ten draws are, not as five hundred
    figure = {"share": lambda w: float(w @ (cards < 5) / w.sum())}
    estimate = bootstrap_by_card(cards, figure, draws=200, seed=0)["share"]
    assert estimate.high - estimate.low > 0.3
