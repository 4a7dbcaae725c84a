"""Figures against a slow and obvious computation."""

from dataclasses import replace

import numpy as np
import pytest

from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.whatif.figures import Slice, SliceSums
from tests.fraud.decisions.whatif.histories import decided, history

COUNT = 400


def test_figures_are_those_of_a_slow_computation() -> None:
    # given payments, some of them chosen, with outcomes
    payments = history(COUNT)
    part = Slice(np.random.default_rng(3).random(COUNT) < 0.6, decided(COUNT).would_be)
    # when their figures are computed beside those of another slice
    found = SliceSums(payments, [Slice(~part.chosen, part.outcomes), part]).figures(1)
    # then each is what a loop over the payments gives
    alerts = known = caught = frauds = 0
    counts = dict.fromkeys(OUTCOMES, 0)
    money = dict.fromkeys(("caught", "known", "all", "lost", "wrong"), 0.0)
    for row in range(COUNT):
        outcome, weight = OUTCOMES[part.outcomes[row]], payments.labels.weights[row]
        is_fraud, units = payments.labels.is_fraud[row], payments.amounts[row] / 100
        frauds += weight * is_fraud
        money["all"] += weight * is_fraud * units
        if not part.chosen[row]:
            continue
        counts[outcome] += 1
        if outcome == "approve":
            money["lost"] += weight * is_fraud * units
            continue
        alerts, known, caught = alerts + 1, known + weight, caught + weight * is_fraud
        money["known"] += weight * units
        money["caught"] += weight * is_fraud * units
        money["wrong"] += weight * (not is_fraud) * units * (outcome == "decline")
    assert found.alerts.value == pytest.approx(alerts / 3)
    assert [found.challenges, found.reviews, found.declines] == [counts[one] / 3 for one in OUTCOMES[1:]]
    assert found.precision.value == pytest.approx(caught / known)
    assert found.recall.value == pytest.approx(caught / frauds)
    assert found.money_precision.value == pytest.approx(money["caught"] / money["known"])
    assert found.money_recall.value == pytest.approx(money["caught"] / money["all"])
    assert found.saved.value == pytest.approx(money["caught"])
    assert found.lost.value == pytest.approx(money["lost"])
    assert found.wrongly_declined.value == pytest.approx(money["wrong"])
    assert found.frauds == caught


def test_intervals_contain_their_figures() -> None:
    found = SliceSums(history(COUNT), [Slice(np.ones(COUNT, dtype=np.bool_), decided(COUNT).would_be)])
    figures = found.figures(0)
    for name in ("alerts", "precision", "recall", "money_precision", "lost", "saved", "wrongly_declined"):
        one = getattr(figures, name)
        assert one.low < one.value < one.high


def test_the_interval_of_a_sum_is_that_of_drawn_cards() -> None:
    # given payments of which each card's alerts are few
    payments, outcomes = history(2_000), decided(2_000).would_be
    found = SliceSums(payments, [Slice(np.ones(2_000, dtype=np.bool_), outcomes)], draws=2_000).figures(0)
    # when whole cards are drawn with replacement, one sample after another
    random = np.random.default_rng(5)
    by_card = np.bincount(payments.cards, (payments.fraud * payments.units) * (outcomes > 0))
    sums = [by_card[random.integers(0, len(by_card), len(by_card))].sum() for _ in range(2_000)]
    # then the interval is as wide
    low, high = np.quantile(sums, [0.025, 0.975])
    assert found.saved.high - found.saved.low == pytest.approx(high - low, rel=0.1)


def test_a_difference_is_paired() -> None:
    # given two slices that differ in a few payments
    payments, outcomes = history(COUNT), decided(COUNT).would_be
    other = outcomes.copy()
    other[:5] = 3
    everything = np.ones(COUNT, dtype=np.bool_)
    sums = SliceSums(payments, [Slice(everything, outcomes), Slice(everything, other)])
    # when they are compared
    difference = sums.difference(0, 1)
    # then the difference is exact, and its interval far narrower than that of either
    first, second = sums.figures(0), sums.figures(1)
    assert difference.saved.value == pytest.approx(first.saved.value - second.saved.value)
    assert difference.recall.value == pytest.approx(first.recall.value - second.recall.value)
    assert difference.saved.high - difference.saved.low < (first.saved.high - first.saved.low) / 2


def test_a_slice_without_alerts_has_no_precision() -> None:
    nothing = Slice(np.ones(COUNT, dtype=np.bool_), np.zeros(COUNT, dtype=np.uint8))
    found = SliceSums(history(COUNT), [nothing]).figures(0)
    assert np.isnan(found.precision.value)
    assert (found.alerts.value, found.recall.value, found.saved.value) == (0, 0, 0)


def test_without_a_payment_that_counts_every_figure_is_empty() -> None:
    # given payments without an alert, and without a known label
    payments = history(COUNT)
    payments = replace(payments, labels=replace(payments.labels, weights=np.zeros(COUNT)))
    nothing = Slice(np.ones(COUNT, dtype=np.bool_), np.zeros(COUNT, dtype=np.uint8))
    # then there is no error
    found = SliceSums(payments, [nothing]).figures(0)
    assert np.isnan(found.recall.value)
    assert found.lost.value == 0


@pytest.mark.parametrize(("share", "factor"), [(0.1, 10.0), (0.5, 2.0)])
def test_weighted_payments_count_for_others(share: float, factor: float) -> None:
    # given payments of which some are observed, each with the inverse of that share as its weight
    payments, outcomes = history(20_000), decided(20_000).would_be
    seen = np.random.default_rng(4).random(20_000) < share
    labels = replace(payments.labels, weights=seen.astype(np.float64) * factor, represented=int(seen.sum()))
    everything = replace(payments.labels, weights=np.ones(20_000))
    chosen = Slice(np.ones(20_000, dtype=np.bool_), outcomes)
    # when the figures are computed of them, and of all payments
    few = SliceSums(replace(payments, labels=labels), [chosen]).figures(0)
    every = SliceSums(replace(payments, labels=everything), [chosen]).figures(0)
    # then they agree within the interval, which is wider
    assert few.saved.low < every.saved.value < few.saved.high
    assert few.precision.low < every.precision.value < few.precision.high
    assert few.recall.high - few.recall.low > every.recall.high - every.recall.low
