"""Compiled evaluation gives what the reference gives, and asks for texts only where they decide."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.predicates.evaluation import Evaluator, Truths
from fraud.decisions.predicates.names import payment_names
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.predicates.payments import StoredPayment
from fraud.decisions.predicates.reference import FAILED, evaluate
from fraud.definitions.loading import load_definitions
from fraud.features.events import code_of
from fraud.native.rules.program import BLOCK
from tests.definitions.base import write_v1_in_euros
from tests.fraud.decisions.payments import decision_inputs, payment_table
from tests.fraud.decisions.predicates.strategies import (
    DEFINITIONS,
    LISTS,
    Payment,
    accepted,
    conditions,
    inputs_of,
    parse,
    payments,
    with_category_hashes,
)
from tests.fraud.native.rules.collisions import ALIKE

PAYMENT: Payment = {
    "transaction_id": "t", "card_id": "c1", "merchant_id": "m", "amount": 1999, "currency": "EUR",
    "timestamp": 1_000, "probability": 0.25, "features": (12.0, 250.0, 3.0),
}  # fmt: skip


def filled_index() -> ListIndex:
    index = ListIndex()
    index.put("cards", "c1")
    index.put("cards", "c2", expires=2_000)
    index.put("countries", ALIKE[0])
    index.put("currencies", "JPY")
    return index


def evaluated(texts: Sequence[str], found: Sequence[Payment]) -> Truths:
    """With the texts of categories, and with their hashes, which must make no difference."""
    predicates, inputs = [parse(text) for text in texts], inputs_of(DEFINITIONS, found)
    evaluator = Evaluator(DEFINITIONS, predicates, list(LISTS.values()), filled_index())
    truths = evaluator.evaluate(inputs)
    by_hash = evaluator.evaluate(with_category_hashes(DEFINITIONS, inputs))
    for name in ("fired", "failed", "list_hits"):
        assert getattr(truths, name).tolist() == getattr(by_hash, name).tolist()
    return truths


def fires(text: str, **values: object) -> bool:
    return bool(evaluated([text], [{**PAYMENT, **values}]).fired[0, 0])


def has_failed(text: str, **values: object) -> bool:
    return bool(evaluated([text], [{**PAYMENT, **values}]).failed[0, 0])


@given(st.lists(conditions(), max_size=4), st.lists(payments(), max_size=9))
def test_compiled_code_agrees_with_the_reference(texts: list[str], found: list[Payment]) -> None:
    # given random predicates and payments
    inputs, index = inputs_of(DEFINITIONS, found), filled_index()
    # when both evaluate them
    roots = [accepted(text).root for text in texts]
    truths = evaluated(texts, found)
    one_by_one = [StoredPayment(DEFINITIONS, inputs, index, number) for number in range(len(found))]
    expected = [[evaluate(root, payment) for root in roots] for payment in one_by_one]
    # then they agree on what is true and on what failed
    assert truths.fired.tolist() == [[value is True for value in row] for row in expected]
    assert truths.failed.tolist() == [[value is FAILED for value in row] for row in expected]


@given(st.lists(payments(), max_size=9))
def test_hits_of_lists_are_what_the_index_holds(found: list[Payment]) -> None:
    index = filled_index()
    hits = evaluated([], found).list_hits
    assert hits.tolist() == [
        [
            one[each.field] is not None and index.holds(each.name, one[each.field], one["timestamp"])
            for each in LISTS.values()
        ]
        for one in found
    ]


def test_payments_beyond_a_block_are_evaluated() -> None:
    # given more payments than fit in a block, of which one in seven is large
    found = [{**PAYMENT, "amount": 100 + 10_000 * (number % 7 == 0)} for number in range(2 * BLOCK + 3)]
    # then a predicate is true of these
    fired = evaluated(["amount > 50"], found).fired[:, 0]
    assert np.flatnonzero(fired).tolist() == list(range(0, len(found), 7))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("amount = 19.99", {}),
        ("amount = 1999", {"currency": "JPY"}),
        ("amount = 1.999", {"currency": "KWD"}),
        ("fee = 0.5", {"fee": 50}),
        ("spent = 2.5", {}),
        ("spent = 250", {"currency": "JPY"}),
        ("points = -2.5", {"points": -250}),
        ("timestamp = TIMESTAMP '1970-01-01 00:00:01'", {}),
        ("timestamp >= DATE '1970-01-01'", {}),
        ("timestamp = TIMESTAMP '1970-01-01T01:00:01+01:00'", {}),
        ("score = 0.25 AND probability = score", {}),
        ("expected_cost = 19.99 * 0.25", {}),
        ("is_chip", {"is_chip": True}),
        ("NOT is_chip", {"is_chip": False}),
        ("-7 % 4 = -3", {}),
        ("card_id <> 'c2' AND currency IN ('EUR', 'USD')", {}),
        ("in_list('cards') AND NOT in_list('currencies')", {}),
        ("CASE WHEN amount > 5 THEN 1 WHEN amount / 0.0001 > 1 THEN 2 END = 1", {}),
    ],
)
def test_values_are_in_whole_units_and_texts_as_paid(text: str, values: Payment) -> None:
    assert fires(text, **values)


@pytest.mark.parametrize(
    "text", ["age > 1", "NOT age > 1", "age <> 1", "ip_country <> 'DE'", "NOT ip_country IN ('DE')",
             "in_list('countries')", "NOT in_list('countries')", "NOT is_chip", "LEAST(age, 1) = 1",
             "age IN (1)", "age NOT IN (1)", "age = age"]
)  # fmt: skip
def test_what_is_absent_fires_nothing(text: str) -> None:
    assert not fires(text)
    assert not has_failed(text)


@pytest.mark.parametrize(
    "text", ["age / points > 1", "NOT age / points > 1", "age % points = 0",
             "amount > 1 AND age / points > 1", "amount < 1 OR age / points > 1",
             "age / points IS NULL", "(age * 1e300) * 1e300 > 1",
             "CASE WHEN age / points > 1 THEN 1 ELSE 2 END = 2", "COALESCE(age / points, 1) = 1"]
)  # fmt: skip
def test_what_cannot_be_computed_has_failed(text: str) -> None:
    assert has_failed(text, age=1e20, points=0)
    assert not fires(text, age=1e20, points=0)


@pytest.mark.parametrize(
    "text", ["amount > 1 OR age / points > 1", "NOT (amount < 1 AND age / points > 1)",
             "COALESCE(amount, age / points) > 1", "CASE WHEN amount < 1 THEN age / points ELSE 1 END = 1"]
)  # fmt: skip
def test_what_does_not_matter_may_fail(text: str) -> None:
    assert fires(text, age=1.0, points=0)


def test_categories_with_one_code_are_distinguished() -> None:
    # given two texts with one code
    first, other = ALIKE
    assert code_of(first) == code_of(other)
    # then each matches itself only
    for text in (f"ip_country = '{first}'", f"ip_country IN ('DE', '{first}')", "in_list('countries')"):
        assert fires(text, ip_country=first)
        assert not fires(text, ip_country=other)
        assert not fires(f"NOT {text}", ip_country=first)
        assert fires(f"NOT {text}", ip_country=other)
    assert fires("ip_country <> home_country", ip_country=first, home_country=other)
    assert not evaluated([], [{**PAYMENT, "ip_country": other}]).list_hits[0, 1]


def test_texts_are_asked_only_where_they_decide() -> None:
    # given a rule whose category matches, of payments that are large and small
    rule = parse("ip_country = 'US' AND amount > 50")
    found = [{**PAYMENT, "ip_country": "US", "amount": amount} for amount in (100, 10_000)]
    inputs, asked = inputs_of(DEFINITIONS, found), list[int]()

    def texts_of(number: int) -> Payment:
        asked.append(number)
        return {"ip_country": "US"}

    # when it is evaluated
    truths = Evaluator(DEFINITIONS, [rule], [], ListIndex()).evaluate(replace(inputs, texts_of=texts_of))
    # then it asks for the text of the large one
    assert truths.fired[:, 0].tolist() == [False, True]
    assert asked == [1]


def test_a_changed_list_counts_from_the_next_call_on() -> None:
    index = ListIndex()
    evaluator = Evaluator(DEFINITIONS, [], [LISTS["cards"]], index)
    inputs = inputs_of(DEFINITIONS, [PAYMENT])
    hits = [evaluator.evaluate(inputs).list_hits[0, 0]]
    index.put_all("cards", ((f"c{number}", None) for number in range(10_000)))
    hits.append(evaluator.evaluate(inputs).list_hits[0, 0])
    index.remove("cards", "c1")
    hits.append(evaluator.evaluate(inputs).list_hits[0, 0])
    assert hits == [False, True, False]


def test_the_definitions_names_are_all_there() -> None:
    names = payment_names(DEFINITIONS)
    assert {
        *DEFINITIONS.field_index,
        *DEFINITIONS.feature_names,
        "probability",
        "score",
        "expected_cost",
    } == set(names)


def test_amounts_in_the_base_are_converted_and_amounts_paid_are_not(tmp_path: Path) -> None:
    # given a payment in dollars, one in yen for which there is no rate, and amounts in euros
    path = write_v1_in_euros(tmp_path, "2025-12-31,USD,1.25\n")
    definitions = load_definitions(path)
    table = payment_table(2).drop(["currency", "amount"])
    table = table.append_column("currency", [["USD", "JPY"]]).append_column("amount", [[12_500, 12_500]])
    inputs = decision_inputs(definitions, table)
    # when predicates ask for both
    texts = ["amount = 125", "amount_base = 100", "amount = 12500 AND amount_base IS NULL",
             "expected_cost = 100 * probability", "expected_cost IS NULL"]  # fmt: skip
    predicates = [parse_predicate(definitions, text, {}) for text in texts]
    fired = Evaluator(definitions, predicates, [], ListIndex()).evaluate(inputs).fired
    # then amounts are as paid, and in the base where there is a rate
    assert fired.tolist() == [[True, True, False, True, False], [False, False, True, False, True]]


def test_arrays_of_any_layout_give_the_same() -> None:
    # given payments whose arrays are views that may not be written to
    found = [{**PAYMENT, "amount": 100 * number} for number in range(20)]
    inputs = inputs_of(DEFINITIONS, found)
    other = DecisionInputs(
        inputs.events[::2], np.asfortranarray(inputs.rows)[::2], inputs.probabilities[::2],
        inputs.model_threshold[::2], inputs.texts_of,
    )  # fmt: skip
    other.rows.flags.writeable = False
    # then they are evaluated as they are otherwise
    evaluator = Evaluator(DEFINITIONS, [parse("amount > 5 AND hour = 12")], [], ListIndex())
    assert evaluator.evaluate(other).fired.tolist() == evaluator.evaluate(inputs).fired[::2].tolist()
