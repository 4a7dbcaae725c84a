"""In which portions, and when, events are sent."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.replay.publishing import pacing
from producer.replay.publishing.pacing import PORTION_ROWS, Pacer, portions

NOW = 1_700_000_000_000

_times = (
    st.lists(st.integers(0, 10_000), max_size=30).map(sorted).map(lambda times: np.array(times, np.int64))
)


@given(_times, _times, st.sampled_from([None, 0.5, 10.0]))
def test_portions_cover_everything_once_and_labels_never_lead(
    transactions: Any, labels: Any, speed: float | None
) -> None:
    cut = list(portions(transactions, labels, 0, speed))

    assert [n for part in cut for n in part.transactions] == list(range(len(transactions)))
    assert [n for part in cut for n in part.labels] == list(range(len(labels)))
    for part in cut:
        later = transactions[part.transactions.stop :]
        assert all(labels[n] < later[0] for n in part.labels) if len(later) else True


@given(_times, _times, st.integers(0, 30))
def test_a_resumed_replay_sends_what_the_stopped_one_did_not(
    transactions: Any, labels: Any, portion: int
) -> None:
    cut = list(portions(transactions, labels, 0, 1.0))[:portion]
    done = cut[-1].transactions.stop if cut else 0
    sent = cut[-1].labels.stop if cut else 0

    rest = list(portions(transactions, labels, done, 1.0))

    assert not rest or rest[0].transactions.start == done
    assert not rest or rest[0].labels.start <= sent


def test_portions_are_bounded() -> None:
    times = np.arange(3 * PORTION_ROWS, dtype=np.int64)
    assert max(len(part.transactions) for part in portions(times, times)) == PORTION_ROWS


class Clock:
    """The monotonic clock of a test; only sleeping moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def test_an_event_waits_for_its_turn_and_the_progress_is_shown_meanwhile(clock: Clock) -> None:
    # given events of which the second is an hour later, sent 3,600 times faster
    shown: list[float] = []
    pacer = Pacer(first=NOW, speed=3_600.0)
    pacer.wait(NOW, lambda: shown.append(clock.now))
    assert clock.sleeps == []
    # when the second is waited for
    pacer.wait(NOW + 3_600_000, lambda: shown.append(clock.now))
    # then a second has passed, in steps between which the progress was shown
    assert clock.now == pytest.approx(101.0)
    assert len(shown) == len(clock.sleeps) >= 5


def test_without_a_speed_nothing_waits(clock: Clock) -> None:
    Pacer(first=NOW, speed=None).wait(NOW + 10**9, lambda: None)
    assert clock.sleeps == []
