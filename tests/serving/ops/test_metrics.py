"""The worker's metrics."""

from datetime import timedelta

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fraud.profiles.values import NO_MOMENT
from serving.gateway.metrics import GatewayMetrics
from serving.ops.health import Exposed
from serving.ops.metrics import Metrics
from serving.webhooks.metrics import WebhookMetrics


@pytest.mark.parametrize("kind", [Metrics, GatewayMetrics, WebhookMetrics])
def test_every_program_shows_its_memory_and_the_limit_of_it(kind: type[Exposed]) -> None:
    families = text_string_to_metric_families(kind().exposition().decode())
    shown = {sample.name: sample.value for family in families for sample in family.samples}
    assert 0 < shown["process_resident_memory_bytes"] < shown["fraud_memory_limit_bytes"]


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


def test_predictions_are_counted_by_the_age_of_the_profiles_of_fields() -> None:
    # given payments in the middle of period 100 and soon after its start, and profiles that take two minutes
    metrics, every_ms = Metrics(), 900_000
    middle, early = 100 * every_ms + 450_000, 100 * every_ms + 60_000
    # when
    metrics.field_profiles.count_ages(
        np.array([100, 99, 101, NO_MOMENT, 99, 100, 98]),
        np.array([middle] * 4 + [early] * 3),
        every_ms,
        timedelta(minutes=2),
    )
    # then before they are due, those of the period before are current
    counted = {labels["age"]: value for labels, value in metrics.samples("fraud_field_profile_use_total")}
    assert counted == {"current": 3, "stale": 2, "newer": 1, "none": 1}


def test_without_profiles_of_fields_their_metrics_are_absent() -> None:
    # given a worker whose definitions have none, and one that has some but no run yet
    without, waiting = Metrics(), Metrics()
    waiting.field_profiles.set_tables({"device_id": 0}, moment_ms=NO_MOMENT)
    # then
    assert b"fraud_field_profile" not in without.exposition()
    assert b"fraud_field_profile_age_seconds NaN" in waiting.exposition()
