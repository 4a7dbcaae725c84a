"""A deadline counts down to zero and stays over."""

import math
import time

import pytest

from fraud.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, as a list of one number that a test sets."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_it_counts_down_to_zero_and_not_below(clock: list[float]) -> None:
    # given
    deadline = Deadline(5.0)
    seen = []
    # when time passes
    for clock[0] in (100.0, 104.0, 105.0, 200.0):
        seen.append((deadline.remaining_s, deadline.is_over))
    # then
    assert seen == [(5.0, False), (1.0, False), (0.0, True), (0.0, True)]


def test_an_infinite_deadline_never_comes(clock: list[float]) -> None:
    deadline = Deadline(math.inf)
    clock[0] = 1e12
    assert not deadline.is_over
    assert deadline.remaining_s == math.inf


def test_no_time_at_all_is_over_at_once(clock: list[float]) -> None:
    assert Deadline(0.0).is_over
