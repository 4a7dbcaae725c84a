"""The table of legal moves is kept to, and every transaction can end."""

from itertools import product

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
