"""Figures over time: what was scored in each five seconds, with histograms of scores and latencies."""

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from serving.dashboard.feed.clock import now_ms

TICK_MS = 5_000
SCORE_BINS = 20
LATENCY_EDGES_MS = tuple(round(2 ** (step / 2), 3) for step in range(41))
"""From one millisecond to about 17 minutes, each edge 1.41 times the one before."""

_KEPT_MS = 30 * 86_400_000
_REMEMBERED = 200
Counts = npt.NDArray[np.int64]


@dataclass
class Tick:
    """What was scored within `TICK_MS`.

    Attributes:
        scored: predictions.
        flagged: of them, those to be reviewed.
        late: scored long after the event, such as a replayed history; their latency says nothing.
        value: sum of the flagged amounts, roughly in euros.
        scores: histogram of the scores over [0, 1].
        latencies: histogram of event to scored, by `LATENCY_EDGES_MS`.
    """

    scored: int = 0
    flagged: int = 0
    late: int = 0
    value: float = 0.0
    scores: Counts = field(default_factory=lambda: np.zeros(SCORE_BINS, dtype=np.int64))
    latencies: Counts = field(default_factory=lambda: np.zeros(len(LATENCY_EDGES_MS), dtype=np.int64))

    def add(self, other: "Tick") -> None:
        """Take another's counts in."""
        self.scored += other.scored
        self.flagged += other.flagged
        self.late += other.late
        self.value += other.value
        self.scores = self.scores + other.scores
        self.latencies = self.latencies + other.latencies


class Ticks:
    """Counts predictions into ticks; each batch's ticks are written with the batch.

    Args:
        connection: to the store.
        now_ms: this moment. No tick is later, whatever a message says, so that none makes room for it.
    """

    def __init__(self, connection: sqlite3.Connection, now_ms: Callable[[], int] = now_ms) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._recent: dict[int, Tick] = {}
        self._touched: set[int] = set()

    def count(self, scored_at: int, latency_ms: int, score: float, value: float | None) -> None:
        """Count one prediction, now if its own time is later; `value` is the amount of a flagged one."""
        moment = min(scored_at, self._now_ms())
        begin = moment - moment % TICK_MS
        tick = self._recent.get(begin) or self._load(begin)
        self._touched.add(begin)
        tick.scored += 1
        tick.scores[min(int(score * SCORE_BINS), SCORE_BINS - 1)] += 1
        if latency_ms < LATENCY_EDGES_MS[-1]:
            tick.latencies[_bucket(latency_ms)] += 1
        else:
            tick.late += 1
        if value is not None:
            tick.flagged += 1
            tick.value += value

    def write(self) -> None:
        """Write what changed since the last call, within the caller's transaction."""
        rows = [_row(begin, self._recent[begin]) for begin in self._touched]
        self._connection.executemany("INSERT OR REPLACE INTO ticks VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        if rows:
            newest = max(self._touched)
            self._connection.execute("DELETE FROM ticks WHERE begin < ?", (newest - _KEPT_MS,))
        self._touched.clear()
        while len(self._recent) > _REMEMBERED:
            del self._recent[min(self._recent)]

    def forget(self) -> None:
        """After a failed transaction: what is on disk counts."""
        self._recent.clear()
        self._touched.clear()

    def _load(self, begin: int) -> Tick:
        row = self._connection.execute("SELECT * FROM ticks WHERE begin = ?", (begin,)).fetchone()
        tick = self._recent[begin] = _tick(row) if row else Tick()
        return tick


def read_ticks(
    connection: sqlite3.Connection, since: int, until: int, step_ms: int
) -> list[tuple[int, Tick]]:
    """Ticks of a span, summed up to steps of `step_ms`; each step of the span is there, oldest first."""
    first = since - since % step_ms
    steps = {begin: Tick() for begin in range(first, until, step_ms)}
    for row in connection.execute("SELECT * FROM ticks WHERE begin >= ? AND begin < ?", (first, until)):
        steps[row["begin"] - row["begin"] % step_ms].add(_tick(row))
    return list(steps.items())


def total(ticks: Iterable[Tick]) -> Tick:
    """All of them as one."""
    whole = Tick()
    for tick in ticks:
        whole.add(tick)
    return whole


def percentiles(latencies: Counts, shares: Sequence[float]) -> list[float | None]:
    """Latencies in ms that these shares did not exceed, interpolated within their bucket."""
    sums = np.cumsum(latencies)
    if not sums[-1]:
        return [None] * len(shares)
    edges = (0.0, *LATENCY_EDGES_MS)
    found: list[float | None] = []
    for share in shares:
        wanted = share * sums[-1]
        place = int(np.searchsorted(sums, wanted))
        below = sums[place - 1] if place else 0
        within = (wanted - below) / max(latencies[place], 1)
        found.append(round(float(edges[place] + within * (edges[place + 1] - edges[place])), 1))
    return found


def _bucket(latency_ms: int) -> int:
    return bisect_right(LATENCY_EDGES_MS, max(latency_ms, 0))


def _row(begin: int, tick: Tick) -> tuple[object, ...]:
    return (
        begin, tick.scored, tick.flagged, tick.late, tick.value,
        tick.scores.tobytes(), tick.latencies.tobytes(),
    )  # fmt: skip


def _tick(row: sqlite3.Row) -> Tick:
    return Tick(
        row["scored"], row["flagged"], row["late"], row["value"],
        np.frombuffer(row["scores"], dtype=np.int64).copy(),
        np.frombuffer(row["latencies"], dtype=np.int64).copy(),
    )  # fmt: skip
