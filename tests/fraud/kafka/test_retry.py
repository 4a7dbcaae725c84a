"""Kafka is called again while its answer allows it, and no longer."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from fraud import deadline
from fraud.kafka import retry
from fraud.kafka.retry import is_retriable, is_transient, retry_call, retry_transient

RETRIABLE = KafkaError(KafkaError._TIMED_OUT, "later", retriable=True)
ELECTING = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)
REFUSED = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock of the tested modules, which only their sleeping moves: other threads keep the real one."""
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    monkeypatch.setattr(retry, "time", clock)
    monkeypatch.setattr(deadline, "time", clock)
    return now


def failing_with(*errors: KafkaError) -> Callable[[], str]:
    """A call that raises the errors, one each time, and then succeeds."""
    left = list(errors)

    def call() -> str:
        if left:
            raise KafkaException(left.pop(0))
        return "done"

    return call


def test_a_retriable_error_is_tried_again_after_a_pause(clock: list[float]) -> None:
    assert retry_call(failing_with(RETRIABLE, RETRIABLE), pause_s=0.5) == "done"
    assert clock == [1.0]


@pytest.mark.parametrize("error", [REFUSED, ELECTING])
def test_another_error_is_raised_at_once(error: KafkaError, clock: list[float]) -> None:
    with pytest.raises(KafkaException) as caught:
        retry_call(failing_with(error))
    assert caught.value.args[0] is error
    assert clock == [0.0]


def test_the_last_error_is_raised_when_the_time_is_over(clock: list[float]) -> None:
    with pytest.raises(KafkaException):
        retry_call(failing_with(*[RETRIABLE] * 100), timeout_s=2.0, pause_s=0.5)
    assert clock == [2.0]


def test_an_error_of_the_predicate_ends_the_loop() -> None:
    def refuse(error: KafkaError) -> bool:
        raise PermissionError(error.str())

    with pytest.raises(PermissionError, match="later"):
        retry_call(failing_with(RETRIABLE), refuse)


def test_which_errors_pass_by_themselves() -> None:
    assert [is_retriable(error) for error in (RETRIABLE, ELECTING, REFUSED)] == [True, False, False]
    assert [is_transient(error) for error in (RETRIABLE, ELECTING, REFUSED)] == [True, True, False]


def test_passing_failures_are_waited_for_and_others_are_not() -> None:
    faults = [KafkaError.NOT_COORDINATOR, KafkaError.LEADER_NOT_AVAILABLE]

    def call() -> str:
        if faults:
            raise KafkaException(KafkaError(faults.pop()))
        return "done"

    assert retry_transient(call) == "done"
    faults.append(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        retry_transient(call)
