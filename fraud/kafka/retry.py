"""Call Kafka again while its answer is that a later call may succeed."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from fraud.deadline import Deadline

_Result = TypeVar("_Result")

_LEADER_OR_COORDINATOR_MOVES = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)


def is_retriable(error: KafkaError) -> bool:
    """Whether librdkafka marks the error as retriable; only transactional calls get this mark."""
    return bool(error.retriable())


def is_transient(error: KafkaError) -> bool:
    """Whether the error is retriable, or passes once the cluster has elected a leader or coordinator."""
    return is_retriable(error) or error.code() in _LEADER_OR_COORDINATOR_MOVES


def retry_call(
    call: Callable[[], _Result],
    should_retry: Callable[[KafkaError], bool] = is_retriable,
    *,
    timeout_s: float = math.inf,
    pause_s: float = 0.1,
) -> _Result:
    """Call until it succeeds, with `pause_s` seconds between two calls.

    Args:
        call: is not interrupted; `timeout_s` is checked between two calls.
        should_retry: of the error that a call has raised; what it raises ends the loop.
        timeout_s: seconds in which a further call may start.
        pause_s: seconds between two calls.

    Raises:
        KafkaException: the last call's, when `should_retry` is false or the time is over.
    """
    deadline = Deadline(timeout_s)
    while True:
        try:
            return call()
        except KafkaException as error:
            if not should_retry(error.args[0]) or deadline.is_over:
                raise
        time.sleep(pause_s)


def retry_transient(call: Callable[[], _Result], timeout_s: float = 60.0) -> _Result:
    """Call until the cluster is ready: a new topic has no leader yet, a coordinator is still loading.

    Raises:
        KafkaException: another failure, or it takes longer than `timeout_s`.
    """
    return retry_call(call, is_transient, timeout_s=timeout_s)
