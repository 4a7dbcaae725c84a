"""Random predicates over fields of every type, and payments for them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.policy import PolicyList
from fraud.decisions.predicates.errors import PredicateError
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.predicates.tree import Predicate
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import FieldType
from fraud.definitions.loading import parse_definitions
from fraud.features.events import HEAD, Events, encoder_of
from fraud.features.field_tables import category_columns
from tests.fraud.definitions.files import CORE
from tests.fraud.native.rules.collisions import ALIKE

DEFINITIONS = parse_definitions(
    f"""{CORE}  fee: {{type: money, currency: currency, optional: true}}
  home_country: {{type: category, optional: true}}
entities:
  card: {{key: card_id}}
features:
  - {{name: hour, transform: hour, of: timestamp}}
  - {{name: spent, entity: card, aggregate: sum, of: amount, window: 1h}}
  - {{name: payments, entity: card, aggregate: count, window: 1h}}
"""
)
LISTS = {
    one.name: one
    for one in (
        PolicyList("cards", "card_id", "decline"),
        PolicyList("countries", "ip_country", "decline"),
        PolicyList("currencies", "currency"),
    )
}

_TEXTS: Mapping[str, Sequence[str]] = {
    "card_id": ("c1", "c2", "c3"),
    "device_id": ("c1", "d1"),
    "ip_country": (*ALIKE, "DE"),
    "home_country": (*ALIKE, "DE"),
    "currency": ("EUR", "JPY", "KWD"),
}
_NUMBER_NAMES = (
    "amount", "fee", "age", "points", "timestamp", "hour", "spent", "payments", "probability",
    "expected_cost",
)  # fmt: skip
_LITERALS = ("0", "1", "2.5", "19.99", "1e-3", "100", "1e150")


def _literal(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(_TEXTS[name]).map("'{}'".format)


def numbers(*, with_remainder: bool = True) -> st.SearchStrategy[str]:
    """SQL that gives a number."""
    leaves = st.sampled_from([*_NUMBER_NAMES, *_LITERALS])
    signs = st.sampled_from("+-*/%" if with_remainder else "+-*/")

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, signs, inner).map(lambda one: f"({one[0]} {one[1]} {one[2]})"),
            inner.map("(- {})".format),
            inner.map("ABS({})".format),
            st.tuples(inner, inner).map(lambda one: f"COALESCE({one[0]}, {one[1]})"),
            st.tuples(inner, inner, inner).map(lambda one: f"LEAST({', '.join(one)})"),
            st.tuples(inner, inner).map(lambda one: f"GREATEST({', '.join(one)})"),
            st.tuples(_atoms(inner), inner, inner).map(
                lambda one: f"CASE WHEN {one[0]} THEN {one[1]} ELSE {one[2]} END"
            ),
            st.tuples(_atoms(inner), inner, _atoms(inner), inner).map(
                lambda one: f"CASE WHEN {one[0]} THEN {one[1]} WHEN {one[2]} THEN {one[3]} END"
            ),
        )

    return st.recursive(leaves, larger, max_leaves=5)


def _atoms(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Conditions without AND, OR and NOT."""
    comparison = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    names = st.sampled_from(sorted(_TEXTS))
    return st.one_of(
        st.tuples(inner, comparison, inner).map(" ".join),
        st.tuples(inner, st.sampled_from(["", "NOT "]), inner, inner).map(
            lambda one: f"{one[0]} {one[1]}BETWEEN {one[2]} AND {one[3]}"
        ),
        st.tuples(inner, st.lists(st.sampled_from(_LITERALS), min_size=1, max_size=4)).map(
            lambda one: f"{one[0]} IN ({', '.join(one[1])})"
        ),
        st.tuples(inner, st.sampled_from(["", "NOT "])).map(lambda one: f"{one[0]} IS {one[1]}NULL"),
        names.flatmap(lambda name: _literal(name).map(f"{name} = {{}}".format)),
        names.flatmap(
            lambda name: st.lists(_literal(name), min_size=1, max_size=4).map(
                lambda found: f"{name} NOT IN ({', '.join(found)})"
            )
        ),
        names.map("{} IS NULL".format),
        st.sampled_from(["is_chip", "is_chip IS NULL", "TRUE", "FALSE", "is_chip = (amount > 1)"]),
        st.sampled_from(["ip_country = home_country", "ip_country <> home_country", "card_id = device_id"]),
        st.tuples(names, st.sampled_from(sorted(LISTS))).map(lambda one: f"in_list({one[0]}, '{one[1]}')"),
    )


def conditions(*, with_remainder: bool = True) -> st.SearchStrategy[str]:
    """SQL that is a predicate."""
    leaves = _atoms(numbers(with_remainder=with_remainder))

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        chains = st.tuples(st.sampled_from([" AND ", " OR "]), st.lists(inner, min_size=2, max_size=3))
        return st.one_of(
            chains.map(lambda one: f"({one[0].join(one[1])})"),
            inner.map("NOT ({})".format),
            st.tuples(inner, inner).map(lambda one: f"({one[0]}) = ({one[1]})"),
            inner.map("({}) IS NULL".format),
        )

    return st.recursive(leaves, larger, max_leaves=4)


def parse(text: str) -> Predicate:
    """The predicate of a text."""
    return parse_predicate(DEFINITIONS, text, LISTS)


def accepted(text: str) -> Predicate:
    """The predicate of a text; an example is left out that is refused, as of a constant division by zero."""
    try:
        return parse(text)
    except PredicateError:
        reject()


Payment = dict[str, Any]


def payments(*, numbers_only: bool = False) -> st.SearchStrategy[Payment]:
    """Values by name: fields as they are admitted, features and the probability.

    Args:
        numbers_only: no feature is infinite.
    """
    infinite = [] if numbers_only else [np.inf, -np.inf]
    feature = st.sampled_from([np.nan, 0.0, 1.0, 2.0, 12_345.0, 1e30, *infinite])
    texts = {name: st.none() | st.sampled_from(values) for name, values in _TEXTS.items()}
    required = {name: st.sampled_from(_TEXTS[name]) for name in ("card_id", "currency")}
    return st.fixed_dictionaries(
        texts
        | required
        | {
            "merchant_id": st.just("m1"),
            "transaction_id": st.just("t1"),
            "amount": st.sampled_from([0, 1, 100, 1999, 250, 1_000_000_000_000]),
            "fee": st.sampled_from([None, 0, 100, 1999]),
            "timestamp": st.sampled_from([1_000, 2_000]),
            "age": st.sampled_from([None, 0.0, -0.0, 2.5, -1e300, 1e300]),
            "points": st.sampled_from([None, 0, -250, 1999]),
            "is_chip": st.sampled_from([None, False, True]),
            "probability": st.sampled_from([0.0, 0.25, 1.0]),
            "features": st.tuples(feature, feature, feature),
        }
    )


def inputs_of(definitions: Definitions, found: Sequence[Payment]) -> DecisionInputs:
    """Payments as decisions get them."""
    values = np.array(
        [
            [encoder_of(field.type)(one.get(field.name)) for field in definitions.fields]
            for one in found
        ],
        dtype=np.int64,
    ).reshape(len(found), len(definitions.fields))  # fmt: skip
    heads = np.zeros(len(found), dtype=HEAD)
    for name, field in {"card": "card_id", "timestamp": "timestamp", "amount": "amount"}.items():
        heads[name] = values[:, definitions.field_index[field]].astype(HEAD[name])
    names = set(definitions.field_index)

    def texts_of(number: int) -> dict[str, Any]:
        one = found[number]
        return {name: value for name, value in one.items() if name in names and value is not None}

    count = len(definitions.features)
    rows = np.array([one["features"] for one in found], dtype=np.float32).reshape(len(found), count)
    probabilities = np.array([one["probability"] for one in found], dtype=np.float64)
    return DecisionInputs(Events(heads, values), rows, probabilities, np.full(len(found), 0.5), texts_of)


def with_category_hashes(definitions: Definitions, inputs: DecisionInputs) -> DecisionInputs:
    """The same payments with the hashes of their categories, as serving has them."""
    names = [definitions.fields[column].name for column in category_columns(definitions).tolist()]
    encode = encoder_of(FieldType.ID)
    hashes = [[encode(inputs.texts_of(number).get(name)) for name in names] for number in range(len(inputs))]
    shape = (len(inputs), len(names))
    return replace(inputs, category_hashes=np.array(hashes, dtype=np.int64).reshape(shape))
