"""How far the feed of labels has come, and which payments have matured by it.

A payment without a label is legitimate once the feed has come so far past it that a fraud would have been
reported. That is measured by the labels themselves: where they stop, nothing matures any more.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MIN_CONFIRMING_REPORTS = 2
"""So many payments must have been reported at a moment or later, before the feed has come so far: one alone
may have a wrong clock."""

GAP = timedelta(days=7)
"""Labels later than the newest payment do not count beyond a gap of this length."""

_CHECK = "check that the labels topic is fed and ingested"

MIN_REPORTED_LAG = timedelta(days=1)
"""A feed that is less behind the newest payment is of no concern."""


@dataclass(frozen=True)
class Maturity:
    """Which payments have matured.

    Attributes:
        newest_payment: ms.
        progress: how far the feed of labels has come, ms; None without any label.
        delay: how much older than the progress a payment must be.
    """

    newest_payment: int
    progress: int | None
    delay: timedelta

    @property
    def known_until(self) -> int:
        """The moment (ms) of which everything is known: payments and labels have both come so far."""
        return self.newest_payment if self.progress is None else min(self.newest_payment, self.progress)

    @property
    def cutoff(self) -> int | None:
        """Payments made by then (ms) have matured; None without any label."""
        return None if self.progress is None else self.progress - self.delay // timedelta(milliseconds=1)

    def matured(self, timestamps: Ints) -> Flags:
        """Which payments made at `timestamps` (ms, (N,)) have matured."""
        if self.cutoff is None:
            return np.zeros(len(timestamps), dtype=np.bool_)
        return np.asarray(timestamps <= self.cutoff, dtype=np.bool_)

    @property
    def lag(self) -> timedelta:
        """How far the feed is behind the newest payment; nothing without any label."""
        behind = 0 if self.progress is None else max(self.newest_payment - self.progress, 0)
        return timedelta(milliseconds=behind)

    def warning(self) -> str | None:
        """What somebody who reads the result must know of the feed, or None."""
        if self.progress is None or self.cutoff is None:
            return f"there are no labels at all: nothing has matured; {_CHECK}"
        if self.lag < MIN_REPORTED_LAG:
            return None
        return (
            f"the feed of labels has come to {_date(self.progress)} only, {self.lag / timedelta(days=1):.0f} "
            f"days behind the newest payment: only payments until {_date(self.cutoff)} have matured; {_CHECK}"
        )


def feed_progress(labels: pa.Table, newest_payment: int) -> int | None:
    """How far a feed has come, ms, or None without labels.

    It has come as far as several payments have been reported: a single label may have a wrong clock. Labels
    later than the newest payment count too, as far as they follow without a gap: payments may have stopped
    while reports still come.

    Args:
        labels: transaction_id, reported_at (ms) and, where they are known, card_id and kafka_timestamp (ms).
        newest_payment: ms.
    """
    times = credible_times(labels, newest_payment)
    return int(times[-min(MIN_CONFIRMING_REPORTS, len(times))]) if len(times) else None


def credible_times(labels: pa.Table, newest_payment: int) -> Ints:
    """When each payment was last reported, ms, ascending, without what is ahead of everything else."""
    times = np.sort(_known_at(labels))
    count = int(np.searchsorted(times, newest_payment, side="right"))
    gaps = np.diff(times[count:], prepend=newest_payment) > GAP // timedelta(milliseconds=1)
    return times[: count + int(np.argmax(gaps))] if gaps.any() else times


def _known_at(labels: pa.Table) -> Ints:
    """When each payment was last reported, one time for each; Kafka's time where that is earlier."""
    times = labels["reported_at"]
    if "kafka_timestamp" in labels.column_names:
        arrived = labels["kafka_timestamp"]
        times = pc.if_else(pc.greater(arrived, 0), pc.min_element_wise(times, arrived), times)
    keys = [name for name in ("transaction_id", "card_id") if name in labels.column_names]
    latest = labels.select(keys).append_column("at", times).group_by(keys).aggregate([("at", "max")])
    return np.asarray(latest["at_max"].to_numpy(), dtype=np.int64)


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).strftime("%Y-%m-%d")
