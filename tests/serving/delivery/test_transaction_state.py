"""The table of legal moves is kept to, and every transaction can end."""

from itertools import product
from typing import Any

import pytest

from serving.delivery.transaction_state import (
    ENDED,
    TRANSITIONS,
    IllegalTransitionError,
    OutboxTransaction,
    TransactionState,
)

S = TransactionState
ILLEGAL = [(before, after) for before, after in product(S, S) if after not in TRANSITIONS[before]]


def _transaction(state: TransactionState) -> OutboxTransaction:
    return OutboxTransaction("id", None, state=state)


def test_the_table_has_every_state() -> None:
    assert set(TRANSITIONS) == set(S)
    assert {S.COMMITTED, S.ABORTED, S.FATAL_ERROR} == ENDED


@pytest.mark.parametrize(("before", "after"), ILLEGAL, ids=lambda state: state.value)
def test_a_move_outside_of_the_table_is_a_defect(before: TransactionState, after: TransactionState) -> None:
    transaction = _transaction(before)
    with pytest.raises(IllegalTransitionError, match=f"is {before.value} cannot become {after.value}"):
        transaction.move_to(after)
    assert transaction.state is before


@pytest.mark.parametrize("start", S, ids=lambda state: state.value)
def test_an_end_can_be_reached_from_every_state(start: TransactionState) -> None:
    reached, new = {start}, {start}
    while new:
        new = {after for before in new for after in TRANSITIONS[before]} - reached
        reached |= new
    assert reached & ENDED


def test_a_replacement_takes_the_batches_and_abandons_the_original() -> None:
    # given a transaction whose commit hangs
    hung = _transaction(S.COMMITTING)
    # when it is replaced
    replacement = hung.replacement()
    # then what the hung thread still does to the original has no effect on it
    hung.move_to(S.COMMITTED)
    assert hung.is_abandoned.is_set()
    assert replacement.state is S.RESOLVING
    assert replacement.batches is hung.batches
    assert not replacement.is_abandoned.is_set()


def test_the_next_transaction_of_a_producer_starts_empty() -> None:
    following = _transaction(S.COMMITTED).next()
    assert (following.transactional_id, following.state, following.batches) == ("id", S.READY, [])


class _Thread:
    """A thread that runs for as long as the test says."""

    def __init__(self) -> None:
        self.is_alive_now = False
        self.waited_s: list[float] = []

    def start(self) -> None:
        self.is_alive_now = True

    def is_alive(self) -> bool:
        return self.is_alive_now

    def join(self, timeout_s: float) -> None:
        self.waited_s.append(timeout_s)


@pytest.mark.parametrize(("expected_s", "is_hung"), [(0.0, True), (60.0, False)])
def test_a_transaction_runs_while_its_thread_does_and_hangs_after_the_expected_time(
    expected_s: float, is_hung: bool
) -> None:
    # given a transaction, which nobody need wait for before its thread runs
    transaction, thread = _transaction(S.COMMITTING), _Thread()
    transaction.join(7.0)
    assert not transaction.is_running
    # when it runs
    running: Any = thread
    transaction.run(running, expected_s)
    transaction.join(3.0)
    # then it is waited for, and it hangs once it takes too long
    assert thread.waited_s == [3.0]
    assert (transaction.is_running, transaction.is_hung) == (True, is_hung)
    # and no longer when it has ended
    thread.is_alive_now = False
    assert (transaction.is_running, transaction.is_hung) == (False, False)


def test_two_transactions_are_never_the_same() -> None:
    assert len({_transaction(S.READY), _transaction(S.READY)}) == 2
