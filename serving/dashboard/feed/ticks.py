"""Figures over time: predictions of each five seconds, with histograms of scores and latencies."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, RowMapping, delete, select

from serving.dashboard.database.statements import RowStatement, insert_into
from serving.dashboard.feed.clock import now_ms
from serving.dashboard.feed.tables import ticks

TICK_MS = 5_000
SCORE_BINS = 20
LATENCY_EDGES_MS = tuple(round(2 ** (step / 2), 3) for step in range(41))
"""From one millisecond to about 17 minutes, each edge 1.41 times the one before."""

_KEPT_MS = 30 * 86_400_000
_TICKS_IN_MEMORY = 200
Counts = npt.NDArray[np.int64]


@dataclass
class Tick:
    """What was scored within `TICK_MS`.

    Attributes:
        scored: predictions.
        flagged: of them, those that were not approved.
        late: scored long after the event, such as a replayed history; their latency is not counted.
        value: sum of the flagged amounts in the base currency; without one roughly in euros, and not shown.
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
        """Add the counts of another tick."""
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
        now_ms: the current time. No tick is later, whatever time a message has.
    """

    def __init__(self, connection: Connection, now_ms: Callable[[], int] = now_ms) -> None:
        self._connection = connection
        self._insert = RowStatement(connection, _upsert(connection), [one.name for one in ticks.columns])
        self._now_ms = now_ms
        self._recent: dict[int, Tick] = {}
        self._counted: dict[int, tuple[list[int], list[int]]] = {}

    def count(self, scored_at: int, latency_ms: int, score: float, value: float | None) -> None:
        """Count one prediction; one with a future time counts now. `value` is the amount of a flagged one."""
        moment = min(scored_at, self._now_ms())
        start = moment - moment % TICK_MS
        tick = self._recent.get(start) or self._load(start)
        scores, latencies = self._counted.get(start) or self._counted.setdefault(start, ([], []))
        scores.append(min(int(score * SCORE_BINS), SCORE_BINS - 1))
        if latency_ms < LATENCY_EDGES_MS[-1]:
            latencies.append(_bucket(latency_ms))
        else:
            tick.late += 1
        if value is not None:
            tick.flagged += 1
            tick.value += value

    def write(self) -> None:
        """Write what changed since the last call, within the caller's transaction."""
        for start, (scores, latencies) in self._counted.items():
            tick = self._recent[start]
            tick.scored += len(scores)
            tick.scores += np.bincount(scores, minlength=SCORE_BINS)
            tick.latencies += np.bincount(latencies, minlength=len(LATENCY_EDGES_MS))
        rows = [_row(start, self._recent[start]) for start in self._counted]
        self._insert.run(self._connection, rows)
        if rows:
            oldest = max(self._counted) - _KEPT_MS
            self._connection.execute(delete(ticks).where(ticks.c.begin < oldest))
        self._counted.clear()
        while len(self._recent) > _TICKS_IN_MEMORY:
            del self._recent[min(self._recent)]

    def discard(self) -> None:
        """Discard what a failed transaction counted; what is on disk counts."""
        self._recent.clear()
        self._counted.clear()

    def _load(self, start: int) -> Tick:
        row = self._connection.execute(select(ticks).where(ticks.c.begin == start)).mappings().first()
        tick = self._recent[start] = _tick(row) if row else Tick()
        return tick


def read_ticks(connection: Connection, since: int, until: int, step_ms: int) -> list[tuple[int, Tick]]:
    """Ticks of a span, summed up to steps of `step_ms`; each step of the span is there, oldest first."""
    first = since - since % step_ms
    steps = {start: Tick() for start in range(first, until, step_ms)}
    stored = select(ticks).where(ticks.c.begin >= first, ticks.c.begin < until)
    for row in connection.execute(stored).mappings():
        steps[row["begin"] - row["begin"] % step_ms].add(_without_history(_tick(row)))
    return list(steps.items())


def _without_history(tick: Tick) -> Tick:
    """The latencies of live traffic: where most payments are of a replayed history, its newest are, too."""
    if tick.late * 2 <= tick.scored:
        return tick
    return replace(tick, late=tick.scored, latencies=np.zeros_like(tick.latencies))


def total(parts: Iterable[Tick]) -> Tick:
    """All of them as one."""
    whole = Tick()
    for tick in parts:
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
        bucket = int(np.searchsorted(sums, wanted))
        below = sums[bucket - 1] if bucket else 0
        within = (wanted - below) / max(latencies[bucket], 1)
        found.append(round(float(edges[bucket] + within * (edges[bucket + 1] - edges[bucket])), 1))
    return found


def _upsert(connection: Connection) -> Any:
    insert = insert_into(connection, ticks)
    values = {one.name: insert.excluded[one.name] for one in ticks.columns if not one.primary_key}
    return insert.on_conflict_do_update(index_elements=[ticks.c.begin], set_=values)


def _bucket(latency_ms: int) -> int:
    return bisect_right(LATENCY_EDGES_MS, max(latency_ms, 0))


def _row(start: int, tick: Tick) -> tuple[object, ...]:
    return (
        start, tick.scored, tick.flagged, tick.late, tick.value,
        tick.scores.tobytes(), tick.latencies.tobytes(),
    )  # fmt: skip


def _tick(row: RowMapping) -> Tick:
    return Tick(
        row["scored"], row["flagged"], row["late"], row["value"],
        np.frombuffer(row["scores"], dtype=np.int64).copy(),
        np.frombuffer(row["latencies"], dtype=np.int64).copy(),
    )  # fmt: skip
