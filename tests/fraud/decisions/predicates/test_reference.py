"""The reference agrees with SQLite where both define the same."""

import sqlite3

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fraud.decisions.predicates.names import Source, payment_names
from fraud.decisions.predicates.payments import StoredPayment
from fraud.decisions.predicates.reference import FAILED, evaluate
from tests.fraud.decisions.predicates.strategies import (
    DEFINITIONS,
    Payment,
    accepted,
    conditions,
    inputs_of,
    parse,
    payments,
)
from tests.fraud.decisions.predicates.test_evaluation import filled_index


def sqlite_value(text: str, payment: StoredPayment) -> object:
    """What SQLite says of a predicate, with the payment's values as a table of one row."""
    names = payment_names(DEFINITIONS)
    values = {
        name: payment.text(one)
        if one.source is Source.TEXT
        else payment.truth(one)
        if one.source is Source.BOOLEAN
        else payment.number(one)
        for name, one in names.items()
    }
    sql = text.replace("LEAST(", "min(").replace("GREATEST(", "max(")
    database = sqlite3.connect(":memory:")
    database.create_function(
        "in_list", 2, lambda value, name: None if value is None else payment.is_on_list(name, value)
    )
    columns = ", ".join(f'? AS "{name}"' for name in values)
    found = database.execute(f"SELECT {sql} FROM (SELECT {columns})", list(values.values())).fetchone()[0]
    database.close()
    return None if found is None else bool(found)


@given(conditions(with_remainder=False), payments(numbers_only=True))
def test_it_agrees_with_sqlite(text: str, found: Payment) -> None:
    # given a predicate that can be computed for a payment
    payment = StoredPayment(DEFINITIONS, inputs_of(DEFINITIONS, [found]), filled_index(), 0)
    value = evaluate(accepted(_in_floats(text)).root, payment)
    assume(value is not FAILED)
    # then SQLite says the same: true, false or NULL
    assert value == sqlite_value(_in_floats(text), payment)


def _in_floats(text: str) -> str:
    """SQLite divides integers without a fraction; ours are all floats."""
    words = text.replace("(", "( ").replace(")", " )").replace(",", " ,").split()
    return " ".join(f"{word}.0" if word.isdecimal() else word for word in words)


@pytest.mark.parametrize("sign", ["AND", "OR", "="])
@given(st.sampled_from(["TRUE", "FALSE", "is_chip"]), st.sampled_from(["TRUE", "FALSE", "is_chip"]))
def test_truth_tables_are_sqlites(sign: str, left: str, right: str) -> None:
    found = {"is_chip": None, "features": (0, 0, 0), "probability": 0.0, "currency": "EUR"}
    payment = StoredPayment(DEFINITIONS, inputs_of(DEFINITIONS, [found]), filled_index(), 0)
    text = f"({left}) {sign} ({right})"
    assert evaluate(parse(text).root, payment) == sqlite_value(text, payment)
