"""Every move of a transaction, against Kafka in memory; `test_exactly_once.py` has the real broker."""

import random
import threading
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from fraud.errors import RefusedError
from fraud.settings import Settings
from serving.delivery import transactions
from serving.delivery.exactly_once import ExactlyOnce
from serving.delivery.protocol import PositionsMovedError
from serving.delivery.transaction_state import TRANSITIONS, OutboxTransaction, TransactionState
from serving.delivery.transactions import describe_error
from serving.ops.metrics import Metrics
from tests.serving.delivery.conftest import PATIENCE_S, Move, World
from tests.serving.delivery.fake_kafka import (
    ABORTABLE,
    FENCED,
    QUEUE_FULL,
    REBALANCED,
    RETRIABLE,
    TIMED_OUT,
    Failure,
    FakeKafka,
    FakeMember,
)
from tests.serving.world import wait_for

S = TransactionState
WITHDRAWN = RefusedError("the permission was withdrawn")


Prepare = Callable[[World], None]


def _nothing(_world: World) -> None:
    """Kafka works."""


def _fails(call: str, *failures: Failure) -> Prepare:
    return lambda world: world.kafka.fail(call, *failures)


def _loses_permission_with(call: str, failure: Failure) -> Prepare:
    def prepare(world: World) -> None:
        world.kafka.fail(call, failure)
        world.kafka.withdrawn_permission = WITHDRAWN

    return prepare


def _cannot_abort(world: World) -> None:
    world.kafka.fail("produce_batch", Failure(QUEUE_FULL))
    world.kafka.fail("abort_transaction", Failure(TIMED_OUT))


COMMITS = [(S.READY, S.OPEN), (S.OPEN, S.COMMITTING), (S.COMMITTING, S.COMMITTED)]
STARTS = COMMITS[:2]
UNKNOWN = [*STARTS, (S.COMMITTING, S.RESOLVING)]
SURVIVED: dict[str, tuple[Prepare, list[Move]]] = {
    "nothing fails": (_nothing, COMMITS),
    "commit is to be tried again": (_fails("commit_transaction", Failure(RETRIABLE)), COMMITS),
    "positions are to be tried again": (_fails("send_offsets_to_transaction", Failure(RETRIABLE)), COMMITS),
    "positions are refused": (
        _fails("send_offsets_to_transaction", Failure(ABORTABLE)),
        [*STARTS, (S.COMMITTING, S.ABORTING), (S.ABORTING, S.ABORTED), *COMMITS],
    ),
    "commit is refused": (
        _fails("commit_transaction", Failure(ABORTABLE)),
        [*STARTS, (S.COMMITTING, S.ABORTING), (S.ABORTING, S.ABORTED), *COMMITS],
    ),
    "commit meets a rebalance, for which no permission is asked about": (
        _loses_permission_with("send_offsets_to_transaction", Failure(REBALANCED)),
        [*STARTS, (S.COMMITTING, S.ABORTING), (S.ABORTING, S.ABORTED), *COMMITS],
    ),
    "commit times out but was made": (
        _fails("commit_transaction", Failure(TIMED_OUT, is_applied=True)),
        [*UNKNOWN, (S.RESOLVING, S.COMMITTED)],
    ),
    "commit times out and was not made": (
        _fails("commit_transaction", Failure(TIMED_OUT)),
        [*UNKNOWN, (S.RESOLVING, S.ABORTED), *COMMITS],
    ),
    "producer is fenced": (
        _fails("send_offsets_to_transaction", Failure(FENCED)),
        [*UNKNOWN, (S.RESOLVING, S.ABORTED), *COMMITS],
    ),
    "transaction cannot be opened": (
        _fails("begin_transaction", Failure(TIMED_OUT)),
        [(S.READY, S.ABORTABLE_ERROR), (S.ABORTABLE_ERROR, S.ABORTING), (S.ABORTING, S.ABORTED), *COMMITS],
    ),
    "batch is refused": (
        _fails("produce_batch", Failure(QUEUE_FULL)),
        [
            (S.READY, S.OPEN), (S.OPEN, S.ABORTABLE_ERROR), (S.ABORTABLE_ERROR, S.ABORTING),
            (S.ABORTING, S.ABORTED), *COMMITS,
        ],
    ),
    "abort times out": (
        _cannot_abort,
        [
            (S.READY, S.OPEN), (S.OPEN, S.ABORTABLE_ERROR), (S.ABORTABLE_ERROR, S.ABORTING),
            (S.ABORTING, S.RESOLVING), (S.RESOLVING, S.ABORTED), *COMMITS,
        ],
    ),
}  # fmt: skip
STOPPED: dict[str, tuple[Prepare, list[Move], type[Exception]]] = {
    "commit meets a defect": (
        _fails("send_offsets_to_transaction", Failure(ValueError("a defect"))),
        [*STARTS, (S.COMMITTING, S.FATAL_ERROR)],
        ValueError,
    ),
    "permission is missing after an abort": (
        _loses_permission_with("commit_transaction", Failure(ABORTABLE)),
        [*STARTS, (S.COMMITTING, S.ABORTING), (S.ABORTING, S.FATAL_ERROR)],
        RefusedError,
    ),
    "permission is missing after a batch is refused": (
        _loses_permission_with("produce_batch", Failure(QUEUE_FULL)),
        [
            (S.READY, S.OPEN), (S.OPEN, S.ABORTABLE_ERROR), (S.ABORTABLE_ERROR, S.ABORTING),
            (S.ABORTING, S.FATAL_ERROR),
        ],
        RefusedError,
    ),
    "permission is missing after a fence": (
        _loses_permission_with("commit_transaction", Failure(FENCED)),
        [*UNKNOWN, (S.RESOLVING, S.FATAL_ERROR)],
        RefusedError,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SURVIVED)
def test_what_fails_is_sent_again_and_is_visible_once(name: str, world: World, moves: list[Move]) -> None:
    prepare, expected = SURVIVED[name]
    # given Kafka that fails once
    prepare(world)
    # when a batch is delivered
    world.enqueue(0)
    assert world.delivery.flush(PATIENCE_S)
    # then the transactions moved as expected, and the next batch follows
    assert moves == expected
    world.enqueue(10)
    assert world.delivery.flush(PATIENCE_S)
    world.assert_exactly_once()


@pytest.mark.parametrize("name", STOPPED)
def test_what_sending_again_does_not_help_stops_the_engine(
    name: str, world: World, moves: list[Move]
) -> None:
    prepare, expected, error = STOPPED[name]
    prepare(world)
    world.enqueue(0)
    with pytest.raises(error):
        world.delivery.flush(PATIENCE_S)
    assert moves == expected
    assert world.kafka.visible == []


def test_a_lookup_that_fails_is_repeated_by_another_producer(world: World, moves: list[Move]) -> None:
    # given a commit of unknown outcome, whose thread hangs until it is replaced, and whose first lookup fails
    released = threading.Event()
    world.kafka.fail("commit_transaction", Failure(released=released))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    hung = _committing(world)
    world.kafka.fail("committed", Failure(TIMED_OUT))
    # when it is replaced
    world.delivery._committing = world.delivery._runner.resolve(hung)
    assert world.delivery.flush(PATIENCE_S)
    released.set()
    # then the second lookup finds that nothing was committed, and the batch is sent again
    assert moves == [*STARTS, (S.RESOLVING, S.RESOLVING), (S.RESOLVING, S.ABORTED), *COMMITS]
    world.assert_exactly_once()


def test_a_commit_that_hangs_is_replaced_and_cannot_be_made_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a call that ignores its time-out
    monkeypatch.setattr(transactions, "HUNG_AFTER_S", 0.0)
    released = threading.Event()
    world.kafka.fail("send_offsets_to_transaction", Failure(released=released, is_applied=True))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    hung = _committing(world)
    # when the engine goes on
    monkeypatch.setattr(transactions, "HUNG_AFTER_S", 60.0)
    world.delivery.poll()
    assert hung.is_abandoned.is_set()
    assert world.delivery.flush(PATIENCE_S)
    # then the batch is visible once, also after the call has returned
    released.set()
    hung.join(PATIENCE_S)
    assert not hung.is_running
    assert hung.error is None
    world.assert_exactly_once()
    # and the abandoned thread has made no producer that would fence the new one
    assert world.kafka.calls.count("init_transactions") == 3


def test_a_call_that_hangs_does_not_keep_the_process(world: World) -> None:
    released = threading.Event()
    world.kafka.fail("commit_transaction", Failure(released=released))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    thread = _committing(world)._thread
    assert thread is not None
    assert thread.daemon
    released.set()


def test_what_is_aborted_replaced_and_visible_is_counted(world: World) -> None:
    # given a commit that is refused, then one whose producer is fenced, then one that is made
    world.kafka.fail("commit_transaction", Failure(ABORTABLE), Failure(FENCED))
    world.enqueue(0)
    assert world.delivery.flush(PATIENCE_S)
    # then each is counted
    assert world.counted("fraud_aborted_commits_total") == 1
    assert world.counted("fraud_producers_replaced_total") == 1
    assert world.counted("fraud_commit_seconds_count") == 3
    assert world.counted("fraud_end_to_end_seconds_count") == 10
    # and what has looked the outcome up is closed
    assert world.kafka.calls.count("committed") == world.kafka.calls.count("close reader") == 1


def test_a_batch_that_comes_during_a_commit_is_in_the_other_transaction(world: World) -> None:
    # given a commit that takes its time
    released = threading.Event()
    world.kafka.fail("commit_transaction", Failure(released=released, is_applied=True))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    wait_for(_committing(world).is_written.is_set, PATIENCE_S)
    # when more comes
    world.enqueue(10)
    # then it does not wait
    assert len(world.kafka.open["id.b"].values) == 10
    released.set()
    assert world.delivery.flush(PATIENCE_S)
    world.assert_exactly_once()


def test_a_batch_does_not_overtake_what_the_other_producer_has_not_written_yet(world: World) -> None:
    # given a commit whose messages are still on their way to the log
    written, released = threading.Event(), threading.Event()
    world.kafka.fail("flush", Failure(released=written, is_applied=True))
    world.kafka.fail("commit_transaction", Failure(released=released, is_applied=True))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    # when more comes
    world.enqueue(10)
    # then it waits until they are there, and no longer
    assert world.kafka.open.keys() == {"id"}
    written.set()
    wait_for(_committing(world).is_written.is_set, PATIENCE_S)
    world.delivery.poll()
    assert len(world.kafka.open["id.b"].values) == 10
    released.set()
    assert world.delivery.flush(PATIENCE_S)
    world.assert_exactly_once()


def test_the_transaction_after_a_failed_one_is_aborted_and_follows_it(
    world: World, moves: list[Move]
) -> None:
    # given a commit that fails after more has come
    released = threading.Event()
    world.kafka.fail("commit_transaction", Failure(ABORTABLE, released=released))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    wait_for(_committing(world).is_written.is_set, PATIENCE_S)
    world.enqueue(10)
    released.set()
    # when everything is flushed
    assert world.delivery.flush(PATIENCE_S)
    # then both are sent again, in their order
    assert (S.OPEN, S.ABORTING) in moves
    world.assert_exactly_once()


def test_nothing_is_produced_beside_an_abort(world: World) -> None:
    # given an abort that takes its time
    released = threading.Event()
    world.kafka.fail("produce_batch", Failure(QUEUE_FULL))
    world.kafka.fail("abort_transaction", Failure(released=released, is_applied=True))
    world.enqueue(0)
    assert _committing(world).state is S.ABORTING
    # when more comes
    world.enqueue(10)
    # then it waits for what has to be sent again before it
    assert world.kafka.open.keys() == {"id"}
    released.set()
    assert world.delivery.flush(PATIENCE_S)
    world.assert_exactly_once()


def test_without_a_member_id_nothing_is_committed(world: World) -> None:
    # given a consumer that the group has removed
    world.member.member_id = ""
    world.enqueue(0)
    # when it flushes
    assert not world.delivery.flush(0.01)
    assert world.kafka.visible == []
    # then it commits once it is a member again
    world.member.member_id = "member"
    assert world.delivery.flush(PATIENCE_S)
    world.assert_exactly_once()


def test_positions_that_another_worker_has_moved_are_reported_and_dropped(
    world: World, moves: list[Move]
) -> None:
    # given two partitions in a commit of unknown outcome, one of which another worker has taken further
    world.kafka.fail("commit_transaction", Failure(FENCED))
    world.enqueue(0)
    world.enqueue(0, partition=1)
    world.kafka.offsets[0] = 30
    # when the outcome is looked up
    with pytest.raises(PositionsMovedError) as caught:
        world.delivery.flush(PATIENCE_S)
    # then that is an outcome and not a failure, and the other partition goes on
    assert moves[-1] == (S.RESOLVING, S.ABORTED)
    assert caught.value.partitions == {0}
    assert world.delivery.flush(PATIENCE_S)
    assert world.kafka.visible == [f"1:{offset}".encode() for offset in range(10)]
    assert world.kafka.offsets == {0: 30, 1: 10}


def test_what_is_discarded_does_not_come_back_when_another_partition_was_moved(world: World) -> None:
    # given a commit whose position was moved, and a later transaction of a partition that is revoked
    released = threading.Event()
    world.kafka.fail("commit_transaction", Failure(FENCED, released=released))
    world.enqueue(0)
    world.delivery._advance(is_commit_due=True)
    world.enqueue(0, partition=1)
    world.kafka.offsets[0] = 30
    released.set()
    # when it is discarded
    with pytest.raises(PositionsMovedError):
        world.delivery.discard({1})
    # then nothing of it is committed later
    assert world.delivery.flush(PATIENCE_S)
    assert world.kafka.visible == []
    assert world.kafka.offsets == {0: 30}


def test_what_is_discarded_is_aborted_and_the_rest_is_sent_again(world: World, moves: list[Move]) -> None:
    # given an open transaction of two partitions
    world.enqueue(0)
    world.enqueue(0, partition=1)
    # when one of them is revoked
    world.delivery.discard({1})
    assert world.delivery.flush(PATIENCE_S)
    # then only the other one is committed
    assert moves == [(S.READY, S.OPEN), (S.OPEN, S.ABORTING), (S.ABORTING, S.ABORTED), *COMMITS]
    assert world.kafka.offsets == {0: 10}


def test_closing_aborts_what_is_open(world: World) -> None:
    world.enqueue(0)
    world.delivery.close()
    assert world.kafka.open == {}
    assert world.kafka.visible == []


def test_a_refused_producer_is_closed_and_the_refusal_raised(local_settings: Settings) -> None:
    kafka = FakeKafka()
    denied = KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    kafka.fail("init_transactions", Failure(denied))
    with pytest.raises(RefusedError, match="transactions as 'id'"):
        ExactlyOnce(local_settings, FakeMember(), "id", Metrics(), clients=kafka)
    # then librdkafka does not log on behalf of a producer that nobody uses
    assert kafka.calls == ["init_transactions", "close"]


def test_a_producer_waits_for_a_kafka_that_is_not_there_yet(world: World) -> None:
    world.kafka.fail("init_transactions", Failure(TIMED_OUT), Failure(TIMED_OUT))
    world.kafka.fail("commit_transaction", Failure(FENCED))
    world.enqueue(0)
    assert world.delivery.flush(PATIENCE_S)
    world.assert_exactly_once()


def test_an_error_is_described_by_its_name_and_its_text() -> None:
    assert describe_error(KafkaException(TIMED_OUT)) == "_TIMED_OUT: timed out"


def test_the_scenarios_make_every_legal_move() -> None:
    made = {move for _, path in SURVIVED.values() for move in path}
    made |= {move for _, path, _ in STOPPED.values() for move in path}
    made |= {
        (S.OPEN, S.ABORTING),  # test_what_is_discarded_is_aborted_and_the_rest_is_sent_again
        (S.RESOLVING, S.RESOLVING),  # test_a_lookup_that_fails_is_repeated_by_another_producer
    }
    assert made == {(before, after) for before, following in TRANSITIONS.items() for after in following}


FAILURES = {
    "begin_transaction": [Failure(TIMED_OUT)],
    "produce_batch": [Failure(QUEUE_FULL), Failure(QUEUE_FULL, is_applied=True)],
    "send_offsets_to_transaction": [Failure(RETRIABLE), Failure(ABORTABLE), Failure(FENCED)],
    "commit_transaction": [
        Failure(RETRIABLE), Failure(ABORTABLE), Failure(TIMED_OUT), Failure(TIMED_OUT, is_applied=True),
    ],
    "abort_transaction": [Failure(RETRIABLE), Failure(TIMED_OUT), Failure(TIMED_OUT, is_applied=True)],
    "init_transactions": [Failure(RETRIABLE), Failure(TIMED_OUT)],
    "committed": [Failure(RETRIABLE)],
}  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_failures_leaves_each_prediction_visible_once_and_in_order(
    seed: int, world: World
) -> None:
    draw = random.Random(seed)
    for number in range(30):
        if draw.random() < 0.5:
            call = draw.choice([*FAILURES])
            world.kafka.fail(call, draw.choice(FAILURES[call]))
        world.enqueue(number * 10)
        if draw.random() < 0.5:
            world.delivery._advance(is_commit_due=True)
    assert wait_for(lambda: world.delivery.flush(PATIENCE_S))
    world.assert_exactly_once()


def _committing(world: World) -> OutboxTransaction:
    found = world.delivery._committing
    assert found is not None
    return found
