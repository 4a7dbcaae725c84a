"""Progress of the label feed, and which payments have matured by it.

A payment without a label is legitimate once the feed has progressed so far past it that a fraud would have
been reported. The progress is measured from the labels: where they stop, no further payment matures.
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
"""The feed has reached a moment when so many payments were reported then or later: the clock of a single
report may be wrong."""

MAX_GAP = timedelta(days=7)
"""Labels later than the newest payment are ignored after a gap longer than this."""

_CHECK = "check that the labels topic is fed and ingested"

MIN_REPORTED_LAG = timedelta(days=1)
"""A smaller lag behind the newest payment is not reported."""


@dataclass(frozen=True)
class Maturity:
    """Maturity of payments: when their labels count as final.

    Attributes:
        newest_payment: event time of the newest payment, ms.
        progress: the moment that the label feed has reached, ms; None without any label.
        delay: how much older than the progress a matured payment is.
    """

    newest_payment: int
    progress: int | None
    delay: timedelta

    @property
    def known_until(self) -> int:
        """The moment (ms) that both payments and labels have reached."""
        return self.newest_payment if self.progress is None else min(self.newest_payment, self.progress)

    @property
    def cutoff(self) -> int | None:
        """Payments up to this moment (ms) have matured; None without any label."""
        return None if self.progress is None else self.progress - self.delay // timedelta(milliseconds=1)

    def matured(self, timestamps: Ints) -> Flags:
        """Which payments made at `timestamps` (ms, (N,)) have matured."""
        if self.cutoff is None:
            return np.zeros(len(timestamps), dtype=np.bool_)
        return np.asarray(timestamps <= self.cutoff, dtype=np.bool_)

    @property
    def lag(self) -> timedelta:
        """Lag of the feed behind the newest payment; zero without any label."""
        behind = 0 if self.progress is None else max(self.newest_payment - self.progress, 0)
        return timedelta(milliseconds=behind)

    def warning(self) -> str | None:
        """A warning about the feed for readers of the result, or None."""
        if self.progress is None or self.cutoff is None:
            return f"there are no labels at all: nothing has matured; {_CHECK}"
        if self.lag < MIN_REPORTED_LAG:
            return None
        return (
            f"the label feed has only reached {_date(self.progress)}, {self.lag / timedelta(days=1):.0f} "
            f"days behind the newest payment: only payments until {_date(self.cutoff)} have matured; {_CHECK}"
        )


def feed_progress(labels: pa.Table, newest_payment: int) -> int | None:
    """The moment that a label feed has reached, ms, or None without labels.

    Several payments must have been reported by then, because the clock of a single label may be wrong. Labels
    later than the newest payment count as long as they follow without a gap: payments may stop while reports
    still arrive.

    Args:
        labels: transaction_id, reported_at (ms) and optionally card_id and kafka_timestamp (ms).
        newest_payment: event time of the newest payment, ms.
    """
    times = credible_times(labels, newest_payment)
    return int(times[-min(MIN_CONFIRMING_REPORTS, len(times))]) if len(times) else None


def credible_times(labels: pa.Table, newest_payment: int) -> Ints:
    """When each payment was last reported, ms, ascending, without times beyond a gap."""
    times = np.sort(_known_at(labels))
    count = int(np.searchsorted(times, newest_payment, side="right"))
    gaps = np.diff(times[count:], prepend=newest_payment) > MAX_GAP // timedelta(milliseconds=1)
    return times[: count + int(np.argmax(gaps))] if gaps.any() else times


def _known_at(labels: pa.Table) -> Ints:
    """When each payment was last reported; Kafka's timestamp where that is earlier."""
    times = labels["reported_at"]
    if "kafka_timestamp" in labels.column_names:
        arrived = labels["kafka_timestamp"]
        times = pc.if_else(pc.greater(arrived, 0), pc.min_element_wise(times, arrived), times)
    keys = [name for name in ("transaction_id", "card_id") if name in labels.column_names]
    latest = labels.select(keys).append_column("at", times).group_by(keys).aggregate([("at", "max")])
    return np.asarray(latest["at_max"].to_numpy(), dtype=np.int64)


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).strftime("%Y-%m-%d")
