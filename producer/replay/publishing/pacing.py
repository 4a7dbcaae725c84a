"""In which portions, and when, events in order of time are sent."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PORTION_ROWS = 50_000
_PORTION_S = 0.1
_LONGEST_SLEEP_S = 0.2

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Portion:
    """Transactions and labels (by number in their order of time) sent together, and the first one's time."""

    transactions: range
    labels: range
    start_time: int


def portions(
    transactions: Times, labels: Times, start: int = 0, speed: float | None = None
) -> Iterator[Portion]:
    """Cut two sorted sequences of event times (ms) into portions, from transaction number `start` on.

    With a portion everything up to some moment has been sent, so it can be gone on from there. With a
    `speed` a portion spans a tenth of a second of the sender's time; without one it is as large as is handy.
    """
    span = None if speed is None else int(_PORTION_S * 1_000 * speed)
    sent_transactions = start
    sent_labels = int(np.searchsorted(labels, transactions[start - 1], "right")) if start else 0
    while sent_transactions < len(transactions) or sent_labels < len(labels):
        left = [
            times[at:]
            for times, at in ((transactions, sent_transactions), (labels, sent_labels))
            if at < len(times)
        ]
        start_time = int(min(times[0] for times in left))
        ends = [int(times[min(PORTION_ROWS, len(times)) - 1]) for times in left if len(times) > PORTION_ROWS]
        if span is not None:
            ends.append(start_time + span)
        until = min(ends, default=int(max(times[-1] for times in left)))
        before = sent_transactions, sent_labels
        sent_transactions, sent_labels = (
            int(np.searchsorted(times, until, "right")) for times in (transactions, labels)
        )
        yield Portion(range(before[0], sent_transactions), range(before[1], sent_labels), start_time)


class Pacer:
    """Sleeps until an event's turn, `speed` times faster than the events' own clock."""

    def __init__(self, first: int, speed: float | None) -> None:
        self._first, self._speed = first, speed
        self._started = time.monotonic()

    def wait(self, event_time: int, meanwhile: Callable[[], object]) -> None:
        """Wait for `event_time` (ms), calling `meanwhile` a few times a second."""
        if self._speed is None:
            return
        due = self._started + (event_time - self._first) / 1_000 / self._speed
        while (left := due - time.monotonic()) > 0:
            meanwhile()
            time.sleep(min(left, _LONGEST_SLEEP_S))
