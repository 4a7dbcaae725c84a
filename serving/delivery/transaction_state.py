"""The states of one Kafka transaction and the moves between them.

READY → OPEN → COMMITTING → COMMITTED is the usual way. A transaction that cannot be committed is aborted,
and its batches are sent again in a later one. When the outcome of a commit or an abort is unknown, the
transaction is RESOLVING until the group's committed offsets show which of the two it was.
`docs/architecture.md` has the diagram.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fraud.deadline import Deadline
from serving.delivery.protocol import OutboxBatch


class TransactionState(Enum):
    """Where a transaction is; the names are those of Kafka's clients and coordinator where these have one."""

    READY = "ready"
    """The producer has no open transaction."""
    OPEN = "open"
    """Batches are produced into it."""
    ABORTABLE_ERROR = "abortable_error"
    """The producer has refused a batch; an abort is the only way on."""
    COMMITTING = "committing"
    """A thread sends the positions and commits."""
    ABORTING = "aborting"
    """A thread aborts."""
    RESOLVING = "resolving"
    """The outcome is unknown; a thread fences the producer and reads the group's committed offsets."""
    COMMITTED = "committed"
    """Predictions, dead letters and positions are visible."""
    ABORTED = "aborted"
    """Nothing of it is visible."""
    FATAL_ERROR = "fatal_error"
    """Sending again does not help, as when a permission was withdrawn; the engine stops."""


_S = TransactionState

TRANSITIONS: Mapping[TransactionState, frozenset[TransactionState]] = {
    _S.READY: frozenset({_S.OPEN, _S.ABORTABLE_ERROR}),
    _S.OPEN: frozenset({_S.COMMITTING, _S.ABORTING, _S.ABORTABLE_ERROR}),
    _S.ABORTABLE_ERROR: frozenset({_S.ABORTING}),
    _S.COMMITTING: frozenset({_S.COMMITTED, _S.ABORTING, _S.RESOLVING, _S.FATAL_ERROR}),
    _S.ABORTING: frozenset({_S.ABORTED, _S.RESOLVING, _S.FATAL_ERROR}),
    _S.RESOLVING: frozenset({_S.COMMITTED, _S.ABORTED, _S.RESOLVING, _S.FATAL_ERROR}),
    _S.COMMITTED: frozenset(),
    _S.ABORTED: frozenset(),
    _S.FATAL_ERROR: frozenset(),
}
"""Every legal move."""

ENDED = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""The states that a transaction does not leave."""


class IllegalTransitionError(Exception):
    """A move that is not in `TRANSITIONS`: a defect of this program."""

    def __init__(self, before: TransactionState, after: TransactionState) -> None:
        super().__init__(f"a transaction that is {before.value} cannot become {after.value}")


@dataclass(eq=False)
class OutboxTransaction:
    """One Kafka transaction, from its first batch to its outcome.

    The engine's thread owns it until it is COMMITTING or ABORTING; from then on the thread that ends it does,
    until that thread has ended. So there is no lock.

    Attributes:
        transactional_id: of the producer.
        producer: a `confluent_kafka.Producer`; replaced while RESOLVING.
        batches: what was produced into it, in order.
        state: changed by `move_to` only.
        error: why it is FATAL_ERROR, or which partitions another worker has moved.
        is_abandoned: set when another object has taken its place, because its thread hangs.
        is_written: set when all that was produced into it is in the log; another producer would overtake it.
    """

    transactional_id: str
    producer: Any
    batches: list[OutboxBatch] = field(default_factory=list)
    state: TransactionState = TransactionState.READY
    error: Exception | None = None
    is_abandoned: threading.Event = field(default_factory=threading.Event)
    is_written: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _expected_by: Deadline = field(default_factory=lambda: Deadline(0.0))

    def move_to(self, state: TransactionState) -> None:
        """Change the state.

        Raises:
            IllegalTransitionError: `TRANSITIONS` has no such move.
        """
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(self.state, state)
        self.state = state

    def fail(self, error: Exception) -> None:
        """End it with an error that the engine is to raise."""
        self.error = error
        self.move_to(TransactionState.FATAL_ERROR)

    def next(self) -> "OutboxTransaction":
        """The next transaction of the same producer."""
        return OutboxTransaction(self.transactional_id, self.producer)

    def replacement(self) -> "OutboxTransaction":
        """A RESOLVING copy to use instead of this one, whose thread hangs and may never end."""
        self.is_abandoned.set()
        return OutboxTransaction(
            self.transactional_id, self.producer, self.batches, TransactionState.RESOLVING
        )

    def run(self, thread: threading.Thread, expected_s: float) -> None:
        """Start the thread that ends it; after `expected_s` seconds it counts as hung."""
        self._thread, self._expected_by = thread, Deadline(expected_s)
        thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for its thread, if one runs."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def is_running(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_hung(self) -> bool:
        """Whether its thread has taken longer than expected."""
        return self.is_running and self._expected_by.is_over
