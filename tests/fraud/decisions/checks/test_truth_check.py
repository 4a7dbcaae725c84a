"""Predicates that are true of every payment or of none are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.checks.truth_check import Constancy, constancy_of
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.evaluation import Evaluator
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.definitions.loading import load_definitions
from tests.fraud.decisions.payments import random_inputs

DEFINITIONS = load_definitions()
LISTS = {"watched": PolicyList("watched", "card_id")}

CONSTANT: dict[str, Constancy | None] = {
    "1 = 1": "always",
    "FALSE": "never",
    "amount > 5 OR amount <= 5": "always",
    "amount >= 0": "always",
    "amount < 0": "never",
    "amount > 5 AND amount < 3": "never",
    "amount > 5 AND amount < 6": None,
    "amount = 5 AND amount <> 5": "never",
    "probability >= 0": "always",
    "probability > 1": "never",
    "probability BETWEEN 0 AND 1": "always",
    "expected_cost >= 0": "always",
    "card_count_1h > 5 OR card_count_1h <= 5": "always_where_known",
    "card_count_1h > 5 OR card_count_1h <= 5 OR card_count_1h IS NULL": "always",
    "merchant_category = 'digital' OR merchant_category <> 'digital'": "always_where_known",
    "merchant_category = 'digital' AND merchant_category = 'airline'": "never",
    "merchant_category IN ('digital', 'airline') OR merchant_category IS NULL": None,
    "card_id IS NULL": "never",
    "in_list('watched') OR NOT in_list('watched')": "always",
    "in_list('watched') AND amount > 5": None,
    "2 * 3 > 7": "never",
    "longitude > 180": "never",
    "amount > 5": None,
    "amount > card_mean_30d OR amount <= card_mean_30d": None,
    "timestamp > 0 AND timestamp < 0": "never",
}


@pytest.mark.parametrize(("text", "expected"), CONSTANT.items(), ids=str)
def test_what_is_constant(text: str, expected: Constancy | None) -> None:
    assert constancy_of(DEFINITIONS, parse_predicate(DEFINITIONS, text, LISTS)) == expected


_atoms = st.sampled_from(
    [
        "amount > 300", "amount <= 300", "amount BETWEEN 100 AND 500", "amount >= 0", "probability < 0.5",
        "probability >= 0.5", "hour > 6", "hour <= 6", "hour IS NULL", "country = 'DE'", "country <> 'DE'",
        "country IS NOT NULL", "country IN ('FR', 'DE')", "currency = 'EUR'", "in_list('watched')",
    ]
)  # fmt: skip
_predicates = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        inner.map(lambda one: f"NOT ({one})"),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda one: "({} {} {})".format(*one)),
    ),
    max_leaves=5,
)


@given(_predicates)
def test_what_is_said_to_be_constant_is_so_on_payments(text: str) -> None:
    # given a predicate, and payments some of which are on the list
    predicate = parse_predicate(DEFINITIONS, text, LISTS)
    index = ListIndex()
    index.put_all("watched", [("c1", None), ("c2", None), ("c3", None)])
    # when it is checked and evaluated
    constancy = constancy_of(DEFINITIONS, predicate)
    found = Evaluator(DEFINITIONS, [predicate], [], index).evaluate(random_inputs(DEFINITIONS, 50)).fired
    # then a constant one has one value
    assert constancy != "never" or not found.any()
    assert constancy != "always" or found.all()


def test_a_predicate_of_many_constants_is_not_tried() -> None:
    many = ", ".join(f"'c{number}'" for number in range(250))
    text = f"card_id IN ({many}) OR merchant_id IN ({many})"
    assert constancy_of(DEFINITIONS, parse_predicate(DEFINITIONS, text, {})) is None
