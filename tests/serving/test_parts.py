"""The engine's parts that need no broker."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import OFFSET_INVALID, TopicPartition
from prometheus_client import CollectorRegistry, generate_latest

from fraud.features.spec import FEATURE_NAMES, FEATURE_VERSION, PROFILE_COLUMNS
from fraud.schema import MerchantProfile
from serving.delivery.offset_metadata import last_offsets, max_event_time_of
from serving.delivery.protocol import OutboxBatch, PositionsMovedError, was_committed
from serving.ops.array_histogram import ArrayHistogram
from serving.ops.metrics import Metrics
from serving.ops.worker_index import claim_worker_index
from serving.pipeline.decide import decide
from serving.pipeline.profiles import ProfileTable
from serving.pipeline.reasons import describe


def _answers(partition: int, start: int, end: int) -> OutboxBatch:
    return OutboxBatch(partition, start, end, 7, [], [], np.array([], dtype=np.int64))


def _at(**offsets: int) -> list[TopicPartition]:
    return [TopicPartition("t", int(name[1:]), offset) for name, offset in offsets.items()]


SENT = [_answers(0, 10, 20), _answers(1, 5, 6), _answers(0, 20, 30)]


def test_committed_offsets_at_the_end_mean_that_the_transaction_was_committed() -> None:
    assert was_committed(SENT, _at(p0=30, p1=6))


@pytest.mark.parametrize("offsets", [{"p0": 10, "p1": 5}, {"p0": 8, "p1": OFFSET_INVALID}])
def test_committed_offsets_at_the_start_mean_that_it_was_not(offsets: dict[str, int]) -> None:
    assert not was_committed(SENT, _at(**offsets))


def test_any_other_committed_offset_means_that_the_partition_has_moved_on() -> None:
    with pytest.raises(PositionsMovedError) as caught:
        was_committed(SENT, _at(p0=40, p1=5))
    assert caught.value.partitions == {0}


def test_a_commit_has_the_last_position_and_the_admission_state() -> None:
    offsets = {one.partition: one for one in last_offsets("t", SENT)}
    assert {number: one.offset for number, one in offsets.items()} == {0: 30, 1: 6}
    assert max_event_time_of(offsets[0]) == 7


@pytest.mark.parametrize("metadata", ["", "x", "[]", json.dumps({"newest": "x"})])
def test_an_offset_committed_by_others_remembers_nothing(metadata: str) -> None:
    assert max_event_time_of(TopicPartition("t", 0, 3, metadata)) is None


def test_the_threshold_itself_is_reviewed() -> None:
    assert decide(np.array([0.49, 0.5, 0.51]), 0.5) == ["approve", "review", "review"]


def test_a_histogram_of_arrays_counts_as_prometheus_does() -> None:
    # given
    registry = CollectorRegistry()
    histogram = ArrayHistogram("x", "x", (1.0, 2.0), registry)

    # when
    histogram.observe_many(np.array([0.5, 1.0, 1.5, 9.0]))

    # then
    text = generate_latest(registry).decode()
    for line in ('x_bucket{le="1.0"} 2.0', 'x_bucket{le="2.0"} 3.0', 'x_bucket{le="+Inf"} 4.0', "x_sum 12.0"):
        assert line in text


def _profile(merchant: str, date: str, value: float, version: int = FEATURE_VERSION) -> MerchantProfile:
    return MerchantProfile(merchant, date, version, [value] * len(PROFILE_COLUMNS))


def test_the_newest_profile_of_a_merchant_counts() -> None:
    # given
    table = ProfileTable()
    for profile in (
        _profile("a", "2025-01-02", 2.0),
        _profile("a", "2025-01-01", 1.0),
        _profile("b", "2025-01-01", 3.0, version=FEATURE_VERSION + 1),
    ):
        table.upsert(profile)

    # when
    values, dates = table.lookup(["a", "b"])

    # then
    assert dates == ["2025-01-02", None]
    assert values[0].tolist() == [2.0] * len(PROFILE_COLUMNS)
    assert np.isnan(values[1]).all()


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


def test_the_profile_table_grows() -> None:
    table = ProfileTable()
    for number in range(3_000):
        table.upsert(_profile(f"m{number}", "2025-01-01", float(number)))
    assert table.lookup(["m2999"])[0][0, 0] == 2_999.0


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("card_count_10m", 5, "5 payments in 10 minutes"),
        ("card_sum_1h", 123_456, "1,234.56 EUR, spent in 1 hour"),
        ("amount", 9_900, "99.00 EUR, amount"),
        ("seconds_since_last", 7_300, "2 hours since the card's previous payment"),
        ("seconds_since_last", 30, "30 seconds since the card's previous payment"),
        ("merchant_is_new", 1, "merchant new to this card"),
        ("merchant_fraud_rate_7d", 0.0123, "merchant's reported fraud rate in 7 days: 1.23%"),
        ("speed_kmh", 1_234.5, "1,234 km/h between the last two places"),
        ("weekday", 5, "paid on a Saturday"),
        ("card_max_24h", float("nan"), "largest payment in 24 hours: unknown"),
    ],
)
def test_reasons_are_in_an_analysts_words(feature: str, value: float, text: str) -> None:
    assert describe(feature, value, "EUR") == text


@pytest.mark.parametrize("feature", FEATURE_NAMES)
def test_every_feature_has_words(feature: str) -> None:
    assert describe(feature, 1.0, "JPY")


def test_slots_are_the_lowest_free_numbers(tmp_path: Path) -> None:
    with claim_worker_index(tmp_path) as first:
        with claim_worker_index(tmp_path) as second:
            assert (first, second) == (0, 1)
        with claim_worker_index(tmp_path) as again:
            assert again == 1
