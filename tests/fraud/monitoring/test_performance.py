from datetime import date

import numpy as np
import pytest

from fraud.definitions.features import DAY_MS
from fraud.labels.history import ALWAYS
from fraud.labels.observation import Observation
from fraud.monitoring.performance import (
    BusyDay,
    MaturedCounts,
    Outcomes,
    busy_days,
    by_day,
    by_outcome,
    by_rule,
    calibration,
    count_matured,
    label_delays,
)

NOTHING = np.zeros(0, dtype=np.bool_)


def test_the_days_figures_are_those_of_a_naive_loop() -> None:
    # given four days of which the last is not matured, nor the later half of the third
    random = np.random.default_rng(4)
    count = 2_000
    timestamps = random.integers(0, 4 * DAY_MS, count)
    alerts, frauds = random.random(count) < 0.2, random.random(count) < 0.1
    matured = timestamps <= 2.5 * DAY_MS
    # when
    found = by_day(timestamps, alerts, Outcomes.of(alerts, frauds), matured)
    # then
    assert [one.date for one in found] == [date(1970, 1, day) for day in (1, 2, 3, 4)]
    for number, day in enumerate(found):
        of_day = [index for index in range(count) if timestamps[index] // DAY_MS == number]
        mature = [index for index in of_day if matured[index]]
        caught = sum(1 for index in mature if alerts[index] and frauds[index])
        assert day.predictions == len(of_day)
        assert day.alert_rate == sum(alerts[index] for index in of_day) / len(of_day)
        assert day.matured.predictions == len(mature)
        assert day.matured.caught == caught
        if mature:
            assert day.matured.recall == caught / sum(frauds[index] for index in mature)
            assert day.matured.precision == caught / sum(alerts[index] for index in mature)


def test_outcomes_and_rules_are_held_against_matured_labels() -> None:
    # given six payments: two declined, one of them fraud; one approved fraud; the last one not matured
    outcomes = np.array([0, 3, 3, 0, 2, 3], dtype=np.uint8)
    frauds = np.array([0, 1, 0, 1, 0, 1], dtype=np.bool_)
    matured = np.array([1, 1, 1, 1, 1, 0], dtype=np.bool_)
    known = Outcomes.of(outcomes > 0, frauds)
    # when
    found = {one.name: one for one in by_outcome(outcomes, outcomes, known, matured)}
    fired = by_rule({"fast": np.array([1, 5]), "slow": np.array([5])}, known, matured)
    # then
    assert [*found] == ["approve", "review", "decline"]
    assert (found["decline"].predictions, found["decline"].matured.precision) == (3, 0.5)
    assert (found["approve"].matured.recall, found["review"].matured.recall) == (0.5, 0)
    assert [(one.name, one.predictions, one.matured.precision) for one in fired] == [
        ("fast", 2, 1.0),
        ("slow", 1, None),
    ]


def test_days_with_more_reviews_than_capacity_are_named() -> None:
    times = np.array([1, 2, 3, DAY_MS, DAY_MS + 1])
    assert busy_days(times, 2) == (BusyDay(date(1970, 1, 1), 3, 2),)
    assert busy_days(times, None) == ()


def test_without_alerts_or_frauds_there_is_no_precision_or_recall() -> None:
    nothing = np.zeros(3, dtype=np.bool_)
    found = count_matured(Outcomes.of(nothing, nothing))
    assert found == MaturedCounts(3, 0, 0, 0)
    assert (found.precision, found.recall) == (None, None)


def test_what_was_not_observed_is_counted_and_left_out() -> None:
    # given two payments that passed, a declined one, and two of the control group, one of them
    # for ten
    flagged = np.array([False, False, True, True, True])
    frauds = np.array([True, False, False, True, False])
    observation = Observation(np.array([0, 0, ALWAYS, 0, 0]), np.array([1.0, 1.0, 1.0, 10.0, 10.0]))
    # when
    found = count_matured(Outcomes.of(flagged, frauds, observation, moment=5))
    # then
    assert found == MaturedCounts(predictions=22, alerts=20, frauds=11, caught=10, unobserved=1)


def test_calibration_weighs_payments_by_what_they_stand_for() -> None:
    # given an unobserved payment, one that stands for three, and one that stands for itself
    frauds = np.array([False, True, False])
    observation = Observation(np.array([ALWAYS, 0, 0]), np.array([1.0, 3.0, 1.0]))
    # when
    (found,) = calibration(np.array([0.9, 0.9, 0.8]), Outcomes.of(frauds, frauds, observation, moment=5))
    # then
    assert found.predictions == 4
    assert (found.expected, found.observed) == pytest.approx((0.875, 0.75))


def test_calibration_holds_the_mean_score_against_the_share_of_fraud() -> None:
    # given scores in two bands, the one on the edge in the upper
    scores = np.array([0.0, 0.005, 0.5, 0.7])
    frauds = np.array([False, False, True, False])
    # when
    low, high = calibration(scores, Outcomes.of(frauds, frauds))
    # then
    assert (low.low, low.high, low.predictions, low.expected, low.observed) == (0.0, 0.01, 2, 0.0025, 0.0)
    assert (high.low, high.high, high.predictions, high.observed) == (0.5, 0.8, 2, 0.5)
    assert high.expected == pytest.approx(0.6)
    assert calibration(np.empty(0), Outcomes.of(NOTHING, NOTHING)) == ()


def test_label_delays_are_those_of_the_frauds() -> None:
    timestamps = np.zeros(4, dtype=np.int64)
    reported = np.array([1, 2, 3, 90]) * DAY_MS
    frauds = np.array([True, True, True, False])
    assert label_delays(timestamps, reported, frauds)["p50"] == pytest.approx(2.0)
    assert label_delays(timestamps, reported, np.zeros(4, dtype=np.bool_)) == {}
