"""The admission state travels in the metadata of committed offsets."""

import json

import numpy as np
import pytest
from confluent_kafka import TopicPartition

from fraud.native import event_clock
from serving.delivery.offset_metadata import (
    admission_state_of,
    last_offsets,
    max_event_time_of,
    replay_points_of,
)
from serving.delivery.protocol import OutboxBatch
from serving.state.partition_state import ReplayPoint

STATE = tuple(2 if index == event_clock.COUNT else index for index in range(event_clock.LENGTH))


def _batch(partition: int, start: int, end: int) -> OutboxBatch:
    times, point = np.array([], dtype=np.int64), ReplayPoint(3, STATE)
    return OutboxBatch(partition, start, end, 7, [], [], times, STATE, (point,))


def test_the_last_batch_of_each_partition_gives_the_position_and_the_metadata() -> None:
    batches = [_batch(0, 10, 20), _batch(1, 5, 6), _batch(0, 20, 30)]
    offsets = {one.partition: one for one in last_offsets("t", batches)}
    assert {number: one.offset for number, one in offsets.items()} == {0: 30, 1: 6}
    assert max_event_time_of(offsets[0]) == 7
    assert admission_state_of(offsets[0]) == STATE
    assert replay_points_of(offsets[0]) == (ReplayPoint(3, STATE),)


def test_the_names_in_the_metadata_are_those_that_earlier_versions_read() -> None:
    (found,) = last_offsets("t", [_batch(0, 10, 20)])
    assert json.loads(found.metadata) == {"newest": 7, "door": [*STATE], "trail": [[3, [*STATE]]]}


@pytest.mark.parametrize("metadata", ["", "x", "[]", "[" * 4_000, json.dumps({"newest": "x"})])
def test_an_offset_committed_by_others_remembers_nothing(metadata: str) -> None:
    assert max_event_time_of(TopicPartition("t", 0, 3, metadata)) is None


def _committed(offset: int, points: object) -> TopicPartition:
    return TopicPartition("t", 0, offset, json.dumps({"newest": 7, "door": [*STATE], "trail": points}))


def test_replay_points_may_be_anywhere_from_the_first_offset_to_the_committed_one() -> None:
    found = replay_points_of(_committed(9, [[0, [*STATE]], [3, [*STATE]], [9, [*STATE]]]))
    assert found == (ReplayPoint(0, STATE), ReplayPoint(3, STATE), ReplayPoint(9, STATE))


@pytest.mark.parametrize(
    "points",
    [
        [[-1, [*STATE]]],
        [[10, [*STATE]]],
        [[4, [*STATE]], [3, [*STATE]]],
        [["3", [*STATE]]],
        [[3, [*STATE], 0]],
        [[3, [1]]],
        [[3, 3]],
        [[3, [*STATE]], 3],
        ["ab"],
        {"3": [*STATE]},
    ],
    ids=str,
)
def test_replay_points_that_nobody_can_have_committed_are_none(points: object) -> None:
    found = _committed(9, points)
    assert replay_points_of(found) == ()
    assert admission_state_of(found) == STATE


@pytest.mark.parametrize(
    "metadata", ["", "{", "3", "[" * 4_000], ids=["empty", "cut off", "number", "nested"]
)
def test_metadata_that_nobody_can_read_hold_no_state(metadata: str) -> None:
    found = TopicPartition("t", 0, 9, metadata)
    assert (admission_state_of(found), replay_points_of(found)) == ((), ())
