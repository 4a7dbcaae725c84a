"""Live traffic at the cards' own pace: what their habits make is sent in its order, when it is due."""

import json
import threading
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from deployments.demo import result as demo_result
from fraud.lake import open_lake
from fraud.messages.decoding import published_at
from fraud.settings import Settings
from producer.fast_clock import FastClock
from producer.history import HistoryPeriod
from producer.natural import NaturalStream
from producer.publisher import Publisher
from producer.scenario import load_scenario
from producer.simulator import Simulator
from producer.simulator.tables import LABELS
from tests.producer.test_publishing import _read as read_topic

HOURS = 6


def _simulator(start: int) -> Simulator:
    span = HistoryPeriod.before(datetime.fromtimestamp(start / 1_000, UTC), days=3)
    return Simulator(load_scenario("small", cards=1_500, merchants=400), 5, span.start)


def _stream(settings: Settings, publisher: Publisher, clock: FastClock) -> NaturalStream:
    simulator, lake = _simulator(clock.start), open_lake(settings)
    return NaturalStream(settings, publisher, LABELS.empty_table(), simulator, clock, lake=lake)


@pytest.mark.broker
def test_the_clock_s_hours_are_sent_at_their_own_intervals(settings: Settings) -> None:
    # given six hours to make up for, in a second
    now = int(time.time() * 1_000)
    clock = FastClock(now - HOURS * 3_600_000, now, speed=HOURS * 3_600.0)
    # when
    with Publisher(settings, linger_ms=5) as publisher:
        counts = _stream(settings, publisher, clock).run(threading.Event(), duration_s=2.5)
    # then the payments of those hours are in Kafka, each once or as often as it is delivered
    sent = [json.loads(value) for _, value, _ in read_topic(settings, settings.topics.transactions)]
    simulator, days = _simulator(clock.start), _days(clock.start, now)
    made = [simulator.day(day, run=clock.start).after(clock.start).until(now) for day in days]
    ids = {one for day in made for one in day.transactions["transaction_id"].to_pylist()}
    assert len(sent) == counts.transactions > 0.9 * len(ids)
    in_time = {one["transaction_id"] for one in sent if one["timestamp"] <= now}
    assert len(ids - in_time) <= 0.02 * len(ids)
    assert {one["timestamp"] for one in sent if one["transaction_id"] in ids} <= {
        moment for day in made for moment in day.transactions["timestamp"].to_pylist()
    }


@pytest.mark.broker
def test_the_truth_says_when_each_payment_was_due(settings: Settings) -> None:
    now = int(time.time() * 1_000)
    clock = FastClock(now - HOURS * 3_600_000, now, speed=HOURS * 3_600.0)

    with Publisher(settings, linger_ms=5) as publisher:
        counts = _stream(settings, publisher, clock).run(threading.Event(), duration_s=4.0)
        ended = int(time.time() * 1_000)

    lake = open_lake(settings)
    [path] = lake.list_files("truth")
    truth = lake.read_table(path)
    assert counts.transactions >= truth.num_rows > 0.98 * counts.transactions
    due = truth["sent_at"].to_numpy()
    assert now <= due.min()
    assert due.max() <= ended
    assert (np.diff(due) >= 0).mean() > 0.95


@pytest.mark.broker
def test_payments_of_the_faster_clock_are_no_history(settings: Settings) -> None:
    # given payments that happened hours ago by the wall clock, and now by the cards' clock
    now = int(time.time() * 1_000)
    clock = FastClock(now - HOURS * 3_600_000, now, speed=HOURS * 3_600.0)
    # when
    with Publisher(settings, linger_ms=5) as publisher:
        _stream(settings, publisher, clock).run(threading.Event(), duration_s=4.0)
    # then they count as published in time
    delays = [
        published_at(message) - message.timestamp()[1]
        for message in demo_result.read_topic(settings, settings.topics.transactions)
    ]
    assert len(delays) > 10
    in_time = np.array(delays) < settings.dashboard.history_after.total_seconds() * 1_000
    assert in_time.mean() > 0.99
    assert np.median(delays) == 0


@pytest.mark.broker
def test_without_a_gap_the_pace_is_that_of_the_cards(settings: Settings) -> None:
    # given 1,500 cards, which pay about twice a minute
    now = int(time.time() * 1_000)
    # when
    with Publisher(settings, linger_ms=5) as publisher:
        counts = _stream(settings, publisher, FastClock(now, now)).run(threading.Event(), duration_s=3.0)
    # then
    assert counts.transactions <= 5
    assert all(time >= now for _, _, time in read_topic(settings, settings.topics.transactions))


def test_a_stretch_goes_on_where_the_history_ends() -> None:
    # given the day of a history that ends at noon
    noon = int(datetime(2026, 3, 5, 12, tzinfo=UTC).timestamp() * 1_000)
    day, simulator = datetime.fromtimestamp(noon / 1_000, UTC).date(), _simulator(noon)
    # when
    whole = simulator.day(day)
    before, after = whole.until(noon), simulator.day(day, run=noon).after(noon)
    # then both together are the day, under identifiers of their own
    together = before.transactions["timestamp"].to_pylist() + after.transactions["timestamp"].to_pylist()
    assert together == whole.transactions["timestamp"].to_pylist()
    ids = [set(part.transactions["transaction_id"].to_pylist()) for part in (before, after, whole)]
    assert not (ids[0] | ids[2]) & ids[1]
    assert set(after.labels["transaction_id"].to_pylist()) <= ids[1]
    assert after.deliveries.max() < after.transactions.num_rows


def _days(start: int, end: int) -> list[date]:
    first = datetime.fromtimestamp(start / 1_000, UTC).date()
    last = datetime.fromtimestamp(end / 1_000, UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
