"""The label of a payment as known at a moment: each rule, and all of them against a naive reference."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.errors import ConfigurationError
from fraud.labels.history import ALWAYS
from fraud.labels.joining import DEFAULT_RULES, JoinedLabels, join_labels
from fraud.settings import LabelSettings, load_settings
from tests.fraud.labels.reports import (
    DAY,
    Row,
    at,
    label,
    labels_table,
    naive_first,
    naive_label,
    payment,
    payments_table,
)


def joined(payments: list[Row], labels: list[Row], rules: LabelSettings = DEFAULT_RULES) -> JoinedLabels:
    return join_labels(payments_table(payments), labels_table(labels), rules)


def known(labels: list[Row], *days: float, rules: LabelSettings = DEFAULT_RULES) -> list[int]:
    """The label of the payment t1 of day 0 at each of these days."""
    history = joined([payment("t1")], labels, rules).history
    return [int(history.as_known_at(at(day))[0]) for day in days]


def test_an_analysts_fraud_stands_until_the_chargeback_confirms_it() -> None:
    # given the row of foreign/README.md
    labels = [label("t1", 10, source="analyst"), label("t1", 40, source="chargeback")]
    # then it is fraud from day 10 on
    assert known(labels, 9.99, 10, 20, 40, 100) == [0, 1, 1, 1, 1]
    # and its delay is that of the first report
    history = joined([payment("t1")], labels).history
    assert history.first_reported(at(50)).tolist() == [at(10)]


def test_a_lower_source_never_overrides_a_higher_one() -> None:
    # given an analyst who calls legitimate what was charged back, before and after
    after = [label("t1", 10), label("t1", 20, source="analyst", is_fraud=False)]
    before = [label("t1", 5, source="analyst", is_fraud=False), label("t1", 10)]
    # then the chargeback stands
    assert known(after, 15, 25) == [1, 1]
    assert known(before, 7, 15) == [0, 1]
    # and the other way round: what a higher source called legitimate a lower one does not make fraud
    assert known([label("t1", 10, is_fraud=False), label("t1", 20, source="customer")], 15, 25) == [0, 0]


def test_a_later_report_of_the_same_source_revises() -> None:
    revised = [label("t1", 10), label("t1", 20, is_fraud=False), label("t1", 30)]
    assert known(revised, 15, 25, 35) == [1, 0, 1]
    # and it was reported when it was first reported
    assert joined([payment("t1")], revised).history.first_reported(at(35)).tolist() == [at(10)]


def test_of_one_source_and_moment_the_later_offset_decides() -> None:
    both = [label("t1", 10, offset=8), label("t1", 10, is_fraud=False, offset=9)]
    assert known(both, 10) == known(both[::-1], 10) == [0]


def test_contradictory_reports_of_one_source_and_moment_are_counted() -> None:
    # given two that contradict each other, two that agree, and one of a lower source that says the opposite
    labels = [
        label("t1", 10, offset=1), label("t1", 10, is_fraud=False, offset=2),
        label("t2", 10, offset=3), label("t2", 10, offset=4),
        label("t3", 10, offset=7), label("t3", 10, is_fraud=False, source="analyst", offset=6),
    ]  # fmt: skip
    found = joined([payment("t1"), payment("t2"), payment("t3")], labels)
    # then only the first is counted, with its id, and a sentence names the rule
    assert (found.unused.contradicted, found.unused.examples["contradicted"]) == (1, ("t1",))
    assert "the last by partition and offset decides (first: t1)" in " ".join(found.unused.warnings())
    # and of two that are overruled by a third that agrees with one of them, one
    third = joined([payment("t1")], [*labels[:2], label("t1", 10, offset=3)])
    assert third.unused.contradicted == 1


def test_of_one_moment_the_higher_source_decides() -> None:
    both = [label("t1", 10, offset=1), label("t1", 10, source="analyst", is_fraud=False, offset=9)]
    assert known(both, 10) == known(both[::-1], 10) == [1]


def test_precedence_is_configuration() -> None:
    labels = [label("t1", 10), label("t1", 20, source="analyst", is_fraud=False)]
    analysts = LabelSettings(precedence={"chargeback": 1, "analyst": 2, "customer": 1})
    equal = LabelSettings(precedence={"chargeback": 1, "analyst": 1, "customer": 1})
    assert known(labels, 15, 25, rules=analysts) == [1, 0]
    # of equal ones the latest decides
    assert known([*labels, label("t1", 30)], 25, 35, rules=equal) == [0, 1]
    assert known([*labels, label("t1", 30)], 25, 35, rules=analysts) == [0, 0]


def test_a_precedence_without_a_source_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_LABELS__PRECEDENCE", '{"analyst": 2}')
    with pytest.raises(ConfigurationError, match="lacks chargeback, customer"):
        load_settings()


def test_a_report_before_its_payment_is_refused_and_counted() -> None:
    # given a label that is reported the day before its payment, and one by a clock that is a little behind
    minute = 1 / 1_440
    found = joined([payment("t1", 5), payment("t2", 5)], [label("t1", 4), label("t2", 5 - minute)])
    # then the first is refused with its reason, the second counts as made with the payment
    assert found.history.as_known_at(at(9)).tolist() == [0, 1]
    assert found.history.first_reported(at(9)).tolist() == [0, at(5)]
    assert found.history.as_known_at(at(5) - 1).tolist() == [0, 0]
    assert found.unused.early == 1
    assert "reported before their payment was made (first: t1)" in " ".join(found.unused.warnings())


def test_labels_join_on_card_and_id() -> None:
    # given one id on two cards, and a label of a third card
    payments = [payment("t1", card="a"), payment("t1", card="b")]
    found = joined(payments, [label("t1", 3, card="b"), label("t1", 4, card="c")])
    # then the label is of its own card, the other is counted and said
    assert found.history.as_known_at(ALWAYS).tolist() == [0, 1]
    assert (found.unused.other_card, found.unused.unknown) == (1, 0)
    assert "card_id is not that of the payment" in " ".join(found.unused.warnings())


def test_labels_of_unknown_payments_change_nothing() -> None:
    found = joined([payment("t1")], [label("x", 3)])
    assert found.history.as_known_at(ALWAYS).tolist() == [0]
    assert (found.unused.unknown, list(found.unused.warnings())) == (1, [])


def test_a_label_without_card_and_source_joins_by_id() -> None:
    labels = labels_table([label("t1", 3)]).select(["transaction_id", "is_fraud", "reported_at"])
    found = join_labels(payments_table([payment("t1")]), labels)
    assert found.history.as_known_at(at(3)).tolist() == [1]
    # and so does one whose card is not known
    without_card = labels_table([label("t1", 3) | {"card_id": None}])
    assert join_labels(payments_table([payment("t1")]), without_card).history.as_known_at(at(3)).tolist() == [
        1
    ]


def test_what_is_reported_later_never_leaks() -> None:
    # given a label of the year 2100 and one of tomorrow
    labels = [label("t1", 30_000), label("t2", 11)]
    payments = payments_table([payment("t1"), payment("t2")])
    found = join_labels(payments, labels_table(labels), as_of=at(10))
    # then neither is known at any moment
    assert found.history.as_known_at(ALWAYS).tolist() == [0, 0]


def test_of_no_labels_and_of_no_payments_nothing_is_known() -> None:
    assert joined([payment("t1")], []).history.as_known_at(ALWAYS).tolist() == [0]
    no_payments = payments_table([payment("t1")]).slice(0, 0)
    assert len(join_labels(no_payments, labels_table([label("t1", 3)])).history.as_known_at(ALWAYS)) == 0


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Few payments and many reports on them: of all sources, at few moments, some early or of other cards."""
    payments = [payment(f"t{number // 2}", number, card=f"card-{number % 2}") for number in range(6)]
    reports = draw(
        st.lists(
            st.tuples(
                st.integers(0, 3), st.sampled_from(["card-0", "card-1", "card-2"]), st.integers(-1, 12),
                st.sampled_from(["chargeback", "analyst", "customer"]), st.booleans(),
            ),
            max_size=30,
        )
    )  # fmt: skip
    labels = [
        label(f"t{number}", day, source=source, is_fraud=is_fraud, card=card, offset=offset)
        for offset, (number, card, day, source, is_fraud) in enumerate(reports)
    ]
    return payments, labels


@given(histories(), st.randoms(use_true_random=False))
def test_it_equals_the_naive_reference_in_any_order_of_arrival(
    history: tuple[list[Row], list[Row]], shuffle: random.Random
) -> None:
    payments, labels = history
    arrived = list(labels)
    shuffle.shuffle(arrived)
    found = joined(payments, arrived).history
    for day in range(-2, 14):
        moment = at(day)
        assert found.as_known_at(moment).tolist() == [naive_label(one, labels, moment) for one in payments]
        assert found.first_reported(moment).tolist() == [naive_first(one, labels, moment) for one in payments]
    # and it does not matter whether later reports are there
    cut = join_labels(payments_table(payments), labels_table(arrived), as_of=at(6)).history
    assert cut.as_known_at(ALWAYS).tolist() == found.as_known_at(at(6)).tolist()
    assert found.until(at(6)).as_known_at(ALWAYS).tolist() == found.as_known_at(at(6)).tolist()


@given(histories(), st.permutations(range(6)), st.integers(0, 6), st.integers(0, 6))
def test_parts_of_a_history_are_those_of_the_parts(
    history: tuple[list[Row], list[Row]], order: list[int], first: int, last: int
) -> None:
    whole = joined(*history).history
    start, stop = min(first, last), max(first, last)
    for moment in (at(3), at(7), ALWAYS):
        labels = whole.as_known_at(moment)
        assert whole.between(start, stop).as_known_at(moment).tolist() == labels[start:stop].tolist()
        index = np.array(order[:4], dtype=np.int64)
        assert whole.take(index).as_known_at(moment).tolist() == labels[index].tolist()


@given(histories())
def test_spans_say_when_a_payment_was_fraud(history: tuple[list[Row], list[Row]]) -> None:
    found = joined(*history).history
    spans = found.fraud_spans()
    for day in range(-2, 14):
        moment = at(day)
        standing = (spans.since <= moment) & (moment < spans.until)
        labels = np.zeros(found.length, dtype=np.int8)
        np.add.at(labels, spans.rows[standing], 1)
        assert labels.tolist() == found.as_known_at(moment).tolist()
        first = dict(zip(spans.rows[standing].tolist(), spans.first_reported[standing].tolist(), strict=True))
        assert first == {
            index: time for index, time in enumerate(found.first_reported(moment).tolist()) if time
        }


def test_millions_of_labels_are_joined_without_a_loop() -> None:
    # given many payments and labels
    count = 200_000
    names = pa.array(np.arange(count)).cast(pa.string())
    payments = pa.table({"transaction_id": names, "card_id": names, "timestamp": np.full(count, at(0))})
    chosen = np.arange(0, count, 4)
    labels = pa.table(
        {
            "transaction_id": names.take(pa.array(chosen)),
            "card_id": names.take(pa.array(chosen)),
            "is_fraud": np.ones(len(chosen), dtype=np.bool_),
            "reported_at": at(0) + chosen * (DAY // count),
        }
    )
    # then each finds its own
    found = join_labels(payments, labels).history.as_known_at(ALWAYS)
    assert np.flatnonzero(found).tolist() == chosen.tolist()
