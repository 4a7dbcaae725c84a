"""What the committed offsets say of a transaction, and when a commit is due."""

import math
import time
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from confluent_kafka import OFFSET_INVALID, TopicPartition

from fraud.messages.dead_letters import DeadLetter
from serving.delivery.protocol import CommitTimer, OutboxBatch, PositionsMovedError, was_committed


def _batch(partition: int, start: int, end: int) -> OutboxBatch:
    return OutboxBatch(partition, start, end, 7, [], [], np.array([], dtype=np.int64))


def _at(**offsets: int) -> list[TopicPartition]:
    return [TopicPartition("t", int(name[1:]), offset) for name, offset in offsets.items()]


SENT = [_batch(0, 10, 20), _batch(1, 5, 6), _batch(0, 20, 30)]


def test_committed_offsets_at_the_end_mean_that_the_transaction_was_committed() -> None:
    assert was_committed(SENT, _at(p0=30, p1=6))


@pytest.mark.parametrize("offsets", [{"p0": 10, "p1": 5}, {"p0": 8, "p1": OFFSET_INVALID}])
def test_committed_offsets_at_the_start_mean_that_it_was_not(offsets: dict[str, int]) -> None:
    assert not was_committed(SENT, _at(**offsets))


def test_any_other_committed_offset_means_that_the_partition_has_moved_on() -> None:
    with pytest.raises(PositionsMovedError, match=r"offsets of partitions \[0\]") as caught:
        was_committed(SENT, _at(p0=40, p1=5))
    assert caught.value.partitions == {0}


def test_a_batch_counts_its_answers_and_shows_none_of_them_in_a_log() -> None:
    # given predictions and a dead letter with a payment's content
    secret, letter = {"value": b"4111"}, DeadLetter(b"card", b"4111", [], [])
    batch = OutboxBatch(0, 10, 20, 7, [secret, secret], [letter], np.array([], dtype=np.int64))
    assert len(batch) == 3
    assert repr(batch) == "OutboxBatch(partition=0, start=10, end=20, max_event_time=7)"


def test_a_batch_is_the_same_when_it_is_sent_again() -> None:
    with pytest.raises(FrozenInstanceError):
        SENT[0].end = 21  # type: ignore[misc]


def test_a_commit_is_due_an_interval_after_the_last_one_began(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a timer that was made at 0 s, and batches that come one after another
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    timer = CommitTimer(5.0)
    seen = [timer.is_due]
    for now[0] in (3.0, 5.0):
        timer.start()
        seen.append(timer.is_due)
    # when a commit begins at 5 s, and the next batch comes at 6 s
    timer.stop()
    seen.append(timer.is_due)
    now[0] = 6.0
    timer.start()
    seen.append(timer.is_due)
    # then the commits are due at 5 s and 10 s
    assert (seen, timer.due_in_s) == ([False, False, True, False, False], 4.0)


def test_what_comes_long_after_the_last_commit_is_committed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a commit that began at 0 s, and nothing since
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    timer = CommitTimer(5.0)
    timer.stop()
    now[0] = 60.0
    is_idle = not timer.is_due and timer.due_in_s == math.inf
    # when a batch comes
    timer.start()
    # then it does not wait for others
    assert is_idle
    assert (timer.is_due, timer.due_in_s) == (True, 0.0)
