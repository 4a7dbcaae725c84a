"""From which offset a replay gives a partition's state, and which offsets are worth remembering."""

from dataclasses import FrozenInstanceError

import pytest

from fraud.messages.admission import AdmissionFilter
from fraud.native import event_clock
from fraud.settings import DEFAULT_MEMORY, AdmissionSettings, MemorySettings
from serving.state.partition_state import (
    CommittedPosition,
    PartitionState,
    ReplayPoint,
    _pruned,
    _thinned,
    replay_start,
)
from tests.definitions import V1

NOW = 1_760_000_000_000
HISTORY = V1.history_ms
LITTLE = MemorySettings(seen_once=10, messages=30)
"""A payment's fate depends on 40 messages before it."""


def admission_at(time: int) -> AdmissionFilter:
    return AdmissionFilter(V1, AdmissionSettings(), max_event_time=time)


ADMISSION = admission_at(NOW)
SUFFICIENT = ADMISSION.low_watermark - HISTORY


def point(offset: int, time: int = SUFFICIENT) -> ReplayPoint:
    """A replay point where `time` was the largest admitted."""
    return ReplayPoint(offset, tuple(event_clock.start_state(time)))


def offsets(points: tuple[ReplayPoint, ...]) -> list[int]:
    return [one.offset for one in points]


def test_a_point_is_sufficient_if_no_window_reaches_behind_it() -> None:
    assert point(5, SUFFICIENT).is_sufficient(ADMISSION)
    assert not point(5, SUFFICIENT + 1).is_sufficient(ADMISSION)
    # and at the log's start nothing is behind it
    assert point(5, 0).is_sufficient(admission_at(1))
    assert (point(5, 0).is_start, point(5, 1).is_start) == (True, False)


def test_a_point_is_marked_when_event_time_has_moved_by_a_fourth_of_the_history() -> None:
    state = PartitionState(0, 10, admission_at(NOW))
    state.mark_replay_point()
    assert state.replay_points == (point(10, NOW),)
    # when it has moved by less, then no other is
    state.position, state.admission = 20, admission_at(NOW + HISTORY // 4 - 1)
    state.mark_replay_point()
    assert offsets(state.replay_points) == [10]
    # and when it has moved by as much, then one is
    state.admission = admission_at(NOW + HISTORY // 4)
    state.mark_replay_point()
    assert offsets(state.replay_points) == [10, 20]


@pytest.mark.parametrize(
    ("count", "kept"), [(8, [0, 1, 2, 3, 4, 5, 6, 7]), (9, [0, 1, 3, 5, 7, 8]), (10, [0, 1, 3, 5, 7, 9])]
)
def test_of_too_many_points_every_second_is_kept_and_the_first_and_the_last(
    count: int, kept: list[int]
) -> None:
    points = tuple(point(number, NOW) for number in range(count))
    assert offsets(_thinned(points)) == kept
    assert offsets(_pruned(points, ADMISSION, DEFAULT_MEMORY)) == kept


def test_what_is_before_the_last_sufficient_point_is_of_use_where_cards_are_forgotten() -> None:
    before = (100, 150, 160, 161, 179, 180, 199)
    points = (*map(point, before), point(200), point(210, NOW), point(220, NOW))
    # then of the points before it the last that is 40 messages away stays, and then one every 20
    assert offsets(_pruned(points, ADMISSION, LITTLE)) == [160, 180, 200, 210, 220]
    # and if none is so far away, the first
    assert offsets(_pruned(points[3:], ADMISSION, LITTLE)) == [161, 199, 200, 210, 220]
    # and a point far away is followed by two others
    far = tuple(map(point, (10, 30, 31, 32, 33)))
    assert offsets(_pruned(far, ADMISSION, MemorySettings(seen_once=1, messages=4))) == [10, 30, 32, 33]


def test_a_replay_starts_at_the_last_sufficient_point() -> None:
    points = (point(100), point(150), point(200), point(210, NOW))
    assert replay_start((), ADMISSION, 300, LITTLE) is None
    assert replay_start(points[3:], ADMISSION, 300, LITTLE) is None
    assert replay_start(points, ADMISSION, 300, DEFAULT_MEMORY) == point(200)


def test_a_replay_starts_earlier_where_the_state_has_forgotten_cards() -> None:
    points = (point(100), point(160), point(161), point(200), point(210, NOW))
    # given ten messages after the last sufficient point, then nothing is forgotten yet
    assert replay_start(points, ADMISSION, 210, LITTLE) == point(200)
    # and after one more, then the replay starts 40 messages before it, or at the first point there is
    assert replay_start(points, ADMISSION, 211, LITTLE) == point(160)
    assert replay_start(points[2:], ADMISSION, 211, LITTLE) == point(161)
    # and nothing is before the log's start
    assert replay_start((point(100, 0), point(210, NOW)), ADMISSION, 300, LITTLE) == point(100, 0)


def test_the_used_share_is_of_the_messages_since_the_last_sufficient_point() -> None:
    state = PartitionState(0, 230, ADMISSION, memory=LITTLE)
    assert state.used_share == 23.0
    state.replay_points = (point(210, NOW), point(220, NOW))
    assert state.used_share == 2.0
    state.replay_points = (point(100), point(225), point(227, NOW))
    assert state.used_share == 0.5


def test_a_state_is_new_unless_it_is_restored() -> None:
    state = PartitionState(3, 0, ADMISSION, memory=LITTLE)
    assert (len(state.cards), state.replay_points, state.partitions) == (0, (), 0)
    again = PartitionState(3, 0, ADMISSION, restored=state.cards)
    assert again.cards is state.cards


def test_a_committed_position_says_nothing_that_it_does_not_know() -> None:
    position = CommittedPosition(7, None)
    assert (position.first, position.end) == (0, 1 << 62)
    with pytest.raises(FrozenInstanceError):
        position.position = 8  # type: ignore[misc]
