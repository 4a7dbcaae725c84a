"""Which outcomes were observed: held back, labelled, of the control group."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.ingest.decision_rows import DECISION_ARROW
from fraud.labels.decisions import DECISION_COLUMNS
from fraud.labels.history import ALWAYS
from fraud.labels.joining import join_labels
from fraud.labels.observation import HELD_BACK, Observation, observe, summarise_observation
from tests.fraud.labels.reports import Row, at, label, labels_table, payment, payments_table

OUTCOMES = ("approve", "challenge", "review", "decline")


def decision(name: str, outcome: str = "decline", *, card: str = "card-1", **more: Any) -> Row:
    return {"transaction_id": name, "card_id": card, "decision": outcome, "is_sample": False} | more


def control(name: str, would_be: str = "decline", share: float = 0.1) -> Row:
    return decision(name, "approve", would_be=would_be, control_share=share)


def decisions_table(rows: list[Row]) -> pa.Table:
    schema = pa.schema([DECISION_ARROW.field(name) for name in DECISION_COLUMNS])
    return pa.Table.from_pylist(rows, schema)


def observation_of(payments: list[Row], decisions: list[Row], labels: list[Row]) -> Observation | None:
    table = payments_table(payments)
    reports = join_labels(table, labels_table(labels)).reports
    return observe(table, decisions_table(decisions), reports)


@pytest.mark.parametrize("held", HELD_BACK)
def test_what_was_held_back_is_observed_from_its_first_label_on(held: str) -> None:
    # given two payments that were held back, one that was reviewed, and a label on the first
    payments = [payment("a"), payment("b"), payment("c")]
    decisions = [decision("a", held), decision("b", held), decision("c", "review")]
    labels = [label("a", 5, is_fraud=False, source="analyst"), label("a", 9)]
    # when their observation is found
    found = observation_of(payments, decisions, labels)
    # then the first is observed from the label on, the second never, the third always
    assert found is not None
    assert found.observed_from.tolist() == [at(5), ALWAYS, 0]
    assert found.weights.tolist() == [1, 1, 1]


def test_a_payment_of_the_control_group_stands_for_those_that_were_held_back() -> None:
    # given payments of the control group of different outcomes, and one that was declined
    payments = [payment(name) for name in "abcd"]
    decisions = [control("a"), control("b", "challenge", 0.02), control("c", "review"), decision("d")]
    # when their observation is found
    found = observation_of(payments, decisions, [])
    # then each counts by the inverse of the group's share, but not where it would have passed anyway
    assert found is not None
    assert found.weights.tolist() == pytest.approx([10, 50, 1, 1])
    assert found.known_at(0).tolist() == [True, True, True, False]


def test_without_anything_held_back_there_is_no_observation() -> None:
    rows = [decision("a", "review"), decision("b", "approve", is_sample=True), decision("x")]
    assert observation_of([payment("a"), payment("b")], rows, []) is None


def test_a_decision_belongs_to_its_card() -> None:
    # given two payments with one id on two cards, one of them declined
    payments = [payment("a", card="one"), payment("a", card="two")]
    # when their observation is found
    found = observation_of(payments, [decision("a", card="two")], [])
    # then the other one is observed
    assert found is not None
    assert found.known_at(at(100)).tolist() == [True, False]


def test_the_first_of_several_decisions_counts() -> None:
    # given a payment of the control group that was decided twice, with another share
    found = observation_of([payment("a")], [control("a", share=0.5), control("a", share=0.1)], [])
    # then the first share counts
    assert found is not None
    assert found.weights.tolist() == [2]


def test_a_later_decline_of_a_payment_that_was_let_through_does_not_count() -> None:
    # given payments that were reviewed, or in the control group, and declined when they came again
    decisions = [decision("a", "review"), decision("a"), control("b"), decision("b")]
    # when their observation is found
    found = observation_of([payment("a"), payment("b")], decisions, [])
    # then both are observed
    assert found is not None
    assert (found.observed_from.tolist(), found.weights.tolist()) == ([0, 0], [1, 10])


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans(), st.sampled_from([None, *OUTCOMES]))))
def test_it_equals_the_reading_of_each_payment(made: list[tuple[str, bool, str | None]]) -> None:
    # given any decisions, with and without labels, with and without a control group
    names = [f"t{number}" for number in range(len(made))]
    payments = [payment(name) for name in names] or [payment("none")]
    decisions, labels, expected = [], [], []
    for name, (outcome, is_labelled, would_be) in zip(names, made, strict=True):
        outcome = outcome if would_be is None else "approve"
        decisions.append(decision(name, outcome, would_be=would_be, control_share=would_be and 0.25))
        labels += [label(name, 3)] if is_labelled else []
        observed = outcome not in HELD_BACK or is_labelled
        expected.append((observed, 4.0 if would_be in HELD_BACK else 1.0))
    # when their observation is found
    found = observation_of(payments, decisions, labels)
    # then it is what one reads off each payment alone
    if found is None:
        assert expected == [(True, 1.0)] * len(expected)
    else:
        assert [*zip(found.known_at(ALWAYS - 1).tolist(), found.weights.tolist(), strict=True)] == expected


def test_the_summary_says_what_is_missing_and_what_stands_for_it() -> None:
    # given 60 payments that passed, 36 that were declined, one of them labelled, and 4 of the control group
    observed_from = np.array([0] * 64 + [at(1)] + [ALWAYS] * 35, dtype=np.int64)
    observation = Observation(observed_from, np.array([10.0] * 4 + [1.0] * 96))
    # when it is summarised
    found = summarise_observation(observation, at(2))
    # then the counts are these, and the sentence names them
    assert (found.payments, found.unobserved, found.labelled, found.control) == (100, 35, 1, 4)
    assert found.represented == 40
    assert found.effective == pytest.approx(101**2 / 461)
    assert "35 of 100 payments were declined or challenged and have no label" in found.notes[0]
    assert "10.00% of those held back, stand for 40" in found.notes[0]


def test_without_a_control_group_the_summary_says_what_figures_are_of() -> None:
    observation = Observation(np.array([0, ALWAYS], dtype=np.int64), np.ones(2))
    (note,) = summarise_observation(observation, at(2)).notes
    assert "set control_group in the policy" in note
