"""Figures over time: histograms, percentiles, and what is on disk."""

import numpy as np
import pytest
from sqlalchemy import Connection, text

from serving.dashboard.feed.ticks import LATENCY_EDGES_MS, TICK_MS, Ticks, percentiles, read_ticks, total


def test_percentiles_are_as_near_as_the_buckets_are_wide(connection: Connection) -> None:
    # given latencies of any size
    latencies = np.random.default_rng(7).lognormal(4, 1, 5_000).astype(int)
    ticks = Ticks(connection)
    for latency in latencies.tolist():
        ticks.count(TICK_MS, latency, score=0.1, value=None)
    ticks.write()
    # when they are read back
    tick = total(tick for _, tick in read_ticks(connection, 0, 3 * TICK_MS, TICK_MS))
    # then each percentile is in the right bucket
    found = percentiles(tick.latencies, (0.5, 0.95, 0.99))
    for share, value in zip((0.5, 0.95, 0.99), found, strict=True):
        assert value == pytest.approx(np.quantile(latencies, share), rel=0.42)


def test_without_latencies_there_is_no_percentile() -> None:
    assert percentiles(np.zeros(len(LATENCY_EDGES_MS), dtype=np.int64), (0.5,)) == [None]


def test_counts_go_on_after_a_restart_and_a_failed_batch_leaves_none(connection: Connection) -> None:
    # given a tick on disk
    first = Ticks(connection)
    first.count(TICK_MS + 1, 10, score=0.9, value=12.5)
    first.write()
    connection.commit()
    # when another process goes on with it, and a batch of it fails
    second = Ticks(connection)
    second.count(TICK_MS + 2, 2_000_000, score=1.0, value=2.5)
    second.write()
    connection.rollback()
    second.discard()
    second.count(TICK_MS + 2, 2_000_000, score=1.0, value=2.5)
    second.write()
    # then each is counted once, the late one without a latency
    [(_, tick)] = read_ticks(connection, TICK_MS, 2 * TICK_MS, TICK_MS)
    assert (tick.scored, tick.flagged, tick.late, tick.value) == (2, 2, 1, 15.0)
    assert tick.latencies.sum() == 1
    assert tick.scores.tolist()[-3:] == [0, 1, 1]


def test_a_prediction_of_the_future_is_counted_now_and_removes_nothing(connection: Connection) -> None:
    # given a tick on disk
    now = 40 * 86_400_000
    ticks = Ticks(connection, now_ms=lambda: now)
    ticks.count(now - 600_000, 10, score=0.1, value=None)
    ticks.write()
    # when a prediction bears a time of a later year, which pruned what was older than 30 days before it
    ticks.count(now + 400 * 86_400_000, 10, score=0.9, value=5.0)
    ticks.write()
    # then both are in the figures that end now
    steps = read_ticks(connection, now - 600_000, now + TICK_MS, TICK_MS)
    assert [tick.scored for _, tick in steps if tick.scored] == [1, 1]
    assert connection.execute(text("SELECT count(*) FROM ticks")).scalar() == 2
    # and what is 30 days older than now goes
    ticks.count(now - 31 * 86_400_000, 10, score=0.1, value=None)
    ticks.count(now, 10, score=0.1, value=None)
    ticks.write()
    assert connection.execute(text("SELECT min(begin) FROM ticks")).scalar() == now - 600_000


def test_steps_without_traffic_are_there_and_begin_where_the_span_does_not(connection: Connection) -> None:
    # given a prediction in the second of two steps
    ticks = Ticks(connection)
    ticks.count(3 * TICK_MS, 10, score=0.1, value=None)
    ticks.write()
    # when a span is asked for that begins within a step
    steps = read_ticks(connection, TICK_MS + 7, 4 * TICK_MS, 2 * TICK_MS)
    # then its steps start at multiples of their length, and the empty one is there
    assert [(start, tick.scored) for start, tick in steps] == [(0, 0), (2 * TICK_MS, 1)]
