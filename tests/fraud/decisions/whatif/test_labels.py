"""What is known of payments: maturity, payments that were declined, and the control group."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from fraud.decisions.outcomes import APPROVE, DECLINE, REVIEW
from fraud.decisions.whatif.labels import KnownLabels, know_labels
from fraud.decisions.whatif.logged import LoggedDecisions
from fraud.definitions.features import DAY_MS
from fraud.labels.progress import Maturity
from fraud.settings import LabelSettings
from tests.fraud.decisions.whatif.histories import START_MS

COUNT = 10


def logged(outcomes: list[int], would_be: list[int] | None = None) -> LoggedDecisions:
    count = len(outcomes)
    alone = outcomes if would_be is None else would_be
    return LoggedDecisions(
        keys=np.arange(count, dtype=np.uint64),
        timestamps=START_MS + np.arange(count) * DAY_MS,
        scores=np.zeros(count),
        thresholds=np.full(count, 0.5),
        outcomes=np.array(outcomes, dtype=np.uint8),
        would_be=np.array(alone, dtype=np.uint8),
        control=np.array(outcomes) != np.array(alone),
        by_list=np.zeros(count, dtype=np.bool_),
    )


def known(decisions: LoggedDecisions, reports: dict[int, bool], matured_days: int = COUNT) -> KnownLabels:
    payments = pa.table(
        {
            "transaction_id": [f"t{row}" for row in range(len(decisions))],
            "card_id": [f"c{row}" for row in range(len(decisions))],
            "timestamp": decisions.timestamps,
        }
    )
    labels = pa.table(
        {
            "transaction_id": pa.array([f"t{row}" for row in reports], pa.string()),
            "card_id": pa.array([f"c{row}" for row in reports], pa.string()),
            "is_fraud": pa.array(list(reports.values()), pa.bool_()),
            "reported_at": pa.array([int(decisions.timestamps[row]) + 1 for row in reports], pa.int64()),
        }
    )
    newest = START_MS + (matured_days - 1) * DAY_MS
    return know_labels(payments, decisions, labels, Maturity(newest, newest, timedelta()), LabelSettings())


def test_only_matured_payments_count() -> None:
    # given a feed of labels that has reached four of ten days
    found = known(logged([APPROVE] * COUNT), {0: True, 9: True}, matured_days=4)
    # then the others have no weight, even where a fraud is reported
    assert found.weights.tolist() == [1] * 4 + [0] * 6
    assert found.is_fraud[[0, 9]].all()


def test_nobody_learns_the_outcome_of_what_was_declined() -> None:
    # given two declined payments, of which an analyst says that one was legitimate
    found = known(logged([DECLINE, DECLINE, REVIEW]), {0: False})
    # then the other one does not count
    assert found.unobserved.tolist() == [False, True, False]
    assert found.weights.tolist() == [1, 0, 1]
    assert not found.is_weighted


def test_the_control_group_stands_for_what_was_declined() -> None:
    # given three declined payments, one of them reported, and one of the control group
    found = known(logged([DECLINE, DECLINE, DECLINE, APPROVE, APPROVE], [3, 3, 3, 3, 0]), {0: True, 3: True})
    # then this one counts for all four, and those that were declined do not
    assert found.weights.tolist() == [0, 0, 0, 4, 1]
    assert found.represented == 1


def test_weights_give_the_number_of_frauds_that_there_were() -> None:
    # given many payments of which a fifth would be declined, most of them fraud, and a control group of 10 %
    random, count = np.random.default_rng(1), 20_000
    risky = random.random(count) < 0.2
    fraud = random.random(count) < np.where(risky, 0.6, 0.01)
    control = random.random(count) < 0.1
    outcomes = np.where(risky & ~control, DECLINE, APPROVE)
    decisions = logged(outcomes.tolist(), np.where(risky, DECLINE, APPROVE).tolist())
    # when frauds are reported of what was not declined
    reports = {int(row): True for row in np.flatnonzero(fraud & (outcomes != DECLINE))}
    found = known(decisions, reports, matured_days=count)
    # then the weighted number is that of all frauds, and the one without weights far from it
    assert found.weights @ found.is_fraud == pytest.approx(fraud.sum(), rel=0.1)
    assert found.is_fraud.sum() < fraud.sum() / 3


def test_the_control_group_does_not_stand_for_what_lists_declined() -> None:
    # given a payment that a list declined, one that a rule declined and one of the control group
    decisions = logged([DECLINE, DECLINE, APPROVE], [3, 3, 3])
    object.__setattr__(decisions, "by_list", np.array([True, False, False]))
    # then the control group stands for two
    assert known(decisions, {}).weights.tolist() == [0, 0, 2]
