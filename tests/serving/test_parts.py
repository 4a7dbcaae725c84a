"""The engine's parts that need no broker."""

import json
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import OFFSET_INVALID, TopicPartition

from serving.delivery.offset_metadata import last_offsets, max_event_time_of
from serving.delivery.protocol import OutboxBatch, PositionsMovedError, was_committed
from serving.ops.worker_index import claim_worker_index


def _answers(partition: int, start: int, end: int) -> OutboxBatch:
    return OutboxBatch(partition, start, end, 7, [], [], np.array([], dtype=np.int64))


def _at(**offsets: int) -> list[TopicPartition]:
    return [TopicPartition("t", int(name[1:]), offset) for name, offset in offsets.items()]


SENT = [_answers(0, 10, 20), _answers(1, 5, 6), _answers(0, 20, 30)]


def test_committed_offsets_at_the_end_mean_that_the_transaction_was_committed() -> None:
    assert was_committed(SENT, _at(p0=30, p1=6))


@pytest.mark.parametrize("offsets", [{"p0": 10, "p1": 5}, {"p0": 8, "p1": OFFSET_INVALID}])
def test_committed_offsets_at_the_start_mean_that_it_was_not(offsets: dict[str, int]) -> None:
    assert not was_committed(SENT, _at(**offsets))


def test_any_other_committed_offset_means_that_the_partition_has_moved_on() -> None:
    with pytest.raises(PositionsMovedError) as caught:
        was_committed(SENT, _at(p0=40, p1=5))
    assert caught.value.partitions == {0}


def test_a_commit_has_the_last_position_and_the_admission_state() -> None:
    offsets = {one.partition: one for one in last_offsets("t", SENT)}
    assert {number: one.offset for number, one in offsets.items()} == {0: 30, 1: 6}
    assert max_event_time_of(offsets[0]) == 7


@pytest.mark.parametrize("metadata", ["", "x", "[]", json.dumps({"newest": "x"})])
def test_an_offset_committed_by_others_remembers_nothing(metadata: str) -> None:
    assert max_event_time_of(TopicPartition("t", 0, 3, metadata)) is None


def test_slots_are_the_lowest_free_numbers(tmp_path: Path) -> None:
    with claim_worker_index(tmp_path) as first:
        with claim_worker_index(tmp_path) as second:
            assert (first, second) == (0, 1)
        with claim_worker_index(tmp_path) as again:
            assert again == 1
