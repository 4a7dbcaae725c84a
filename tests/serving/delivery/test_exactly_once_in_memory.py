"""Exactly once on Kafka in memory: when commits are due, how much may wait, and how it ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from serving.delivery import exactly_once
from serving.delivery.protocol import CommitTimer
from tests.serving.delivery.conftest import PATIENCE_S, World
from tests.serving.delivery.fake_kafka import ABORTABLE, FENCED, Failure
from tests.serving.world import wait_for

SOON_S = 0.05


@contextmanager
def taking_its_time(world: World, call: str) -> Iterator[None]:
    """The next call of this name ends soon after the block has started."""
    released = threading.Event()
    world.kafka.fail(call, Failure(released=released, is_applied=True))
    timer = threading.Timer(SOON_S, released.set)
    timer.start()
    yield
    timer.join()


@contextmanager
def hanging(world: World, call: str) -> Iterator[None]:
    """The next call of this name ends after the block."""
    released = threading.Event()
    world.kafka.fail(call, Failure(released=released, is_applied=True))
    yield
    released.set()


@pytest.mark.parametrize(
    "failures", [[], [Failure(ABORTABLE)], [Failure(FENCED)]], ids=["made", "refused", "fenced"]
)
def test_polling_commits_what_is_enqueued_and_sends_again_what_failed(
    world: World, failures: list[Failure]
) -> None:
    world.kafka.fail("commit_transaction", *failures)
    world.enqueue(0)
    # when the engine polls, and does not flush
    world.poll_until_idle()
    world.assert_exactly_once()


def test_what_comes_an_hour_after_a_commit_is_committed_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a batch that was committed an hour ago
    world.enqueue(0)
    assert world.delivery.flush(PATIENCE_S)
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 3_600)
    # when another comes, then its commit begins
    world.enqueue(10)
    assert world.delivery._committing is not None
    world.poll_until_idle()
    world.assert_exactly_once()


def test_a_commit_that_failed_is_tried_again_an_interval_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a commit that is refused, of a delivery that commits seldom
    world.kafka.fail("commit_transaction", Failure(ABORTABLE))
    world.enqueue(0)
    world.delivery._timer = CommitTimer(3_600)
    world.delivery._advance(is_commit_due=True)
    wait_for(lambda: not world.delivery._is_ending(), PATIENCE_S)
    # when its end is seen after most of the interval, then what it had waits for all of it from there
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 3_000)
    world.delivery.poll()
    assert world.delivery._committing is None
    assert 3_500 < world.delivery.due_in_s <= 3_600


@pytest.mark.parametrize(("most", "is_saturated"), [(29, True), (30, False)])
def test_what_is_not_committed_is_limited(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int, is_saturated: bool
) -> None:
    monkeypatch.setattr(exactly_once, "_MAX_UNCOMMITTED", most)
    # given three batches of ten, of which none is committed for now
    world.delivery._timer = CommitTimer(3_600)
    for start in (0, 10, 20):
        world.enqueue(start)
    assert world.delivery.is_saturated is is_saturated
    # when they are committed, then there is space again
    assert world.delivery.flush(PATIENCE_S)
    assert not world.delivery.is_saturated
    # and when others are discarded
    for start in (30, 40, 50):
        world.enqueue(start)
    world.delivery.discard({0})
    assert not world.delivery.is_saturated


def test_a_discard_waits_for_the_commit_under_way(world: World) -> None:
    with taking_its_time(world, "commit_transaction"):
        world.enqueue(0)
        world.delivery._advance(is_commit_due=True)
        world.delivery.discard({0})
        # then its outcome is known
        assert world.delivery.is_idle
        world.assert_exactly_once()


def test_a_discard_does_not_wait_when_the_time_is_over(world: World) -> None:
    # given a commit that hangs, and a transaction after it
    with hanging(world, "commit_transaction"):
        world.enqueue(0)
        world.delivery._advance(is_commit_due=True)
        committing = world.delivery._committing
        world.enqueue(10)
        # when their partition is revoked and no time is left
        world.time_left.drain_s = 0.0
        world.delivery.discard({0})
        # then the later one is not ended beside it, and nothing of it is left
        assert world.delivery._committing is committing
        assert world.delivery._active.batches == []


def test_closing_waits_for_the_commit_under_way(world: World) -> None:
    with taking_its_time(world, "commit_transaction"):
        world.enqueue(0)
        world.delivery._advance(is_commit_due=True)
        world.delivery.close()
        assert world.kafka.visible == world.sent


def test_closing_waits_until_what_is_open_is_aborted(world: World) -> None:
    with taking_its_time(world, "abort_transaction"):
        world.enqueue(0)
        world.delivery.close()
        assert world.kafka.open == {}


def test_closing_aborts_nothing_beside_a_commit_that_hangs(world: World) -> None:
    # given a commit that hangs, a transaction after it, and no time left
    with hanging(world, "commit_transaction"):
        world.enqueue(0)
        world.delivery._advance(is_commit_due=True)
        committing = world.delivery._committing
        assert committing is not None
        world.enqueue(10)
        world.time_left.close_s = 0.0
        # when it closes, then that commit is abandoned
        world.delivery.close()
        assert world.delivery._committing is committing
        assert committing.is_abandoned.is_set()
        # and no producer is kept, whose threads would go on
        assert committing.producer is None
        assert world.delivery._active.producer is world.delivery._standby.producer is None
