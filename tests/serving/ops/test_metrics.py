"""The worker's metrics."""

from datetime import timedelta

import numpy as np

from serving.ops.metrics import Metrics


def test_predictions_are_counted_by_the_age_of_their_profile() -> None:
    # given a transaction of 2025-01-02 scored with each kind of profile, and one of the day before
    metrics, noon = Metrics(), 1_735_819_200_000
    # when
    metrics.pipeline.count_profile_ages(
        ["2025-01-02", "2025-01-01", "2025-01-01", "2025-01-03", None, "2025-01-01"],
        np.array([noon] * 5 + [noon - 86_400_000]),
    )
    # then
    counted = {labels["age"]: value for labels, value in metrics.samples("fraud_profile_use_total")}
    assert counted == {"current": 2, "stale": 2, "newer": 1, "none": 1}


def test_before_a_days_profiles_are_due_those_of_the_day_before_are_current() -> None:
    # given payments of 2025-01-02 at one in the morning, and at noon, and profiles that are there at four
    metrics, noon = Metrics(), 1_735_819_200_000
    night = noon - 11 * 3_600_000
    # when
    metrics.pipeline.count_profile_ages(
        ["2025-01-01", "2025-01-02", "2024-12-31", "2025-01-01"],
        np.array([night, night, night, noon]),
        timedelta(hours=4),
    )
    # then at one both days' profiles are current, at noon only that of the day
    counted = {labels["age"]: value for labels, value in metrics.samples("fraud_profile_use_total")}
    assert counted == {"current": 2, "stale": 2, "newer": 0, "none": 0}
