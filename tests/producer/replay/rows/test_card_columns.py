"""Card numbers in files become pseudonyms before a row is kept or sent."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.cards.rule import CardRule
from fraud.errors import ConfigurationError
from producer.replay.rows.card_columns import CardColumns, rule_of_nothing_kept
from producer.replay.rows.findings import Findings
from tests.conftest import SettingsFactory
from tests.fraud.cards.made import AMEX, KEY, KEYS, VISA
from tests.producer.definitions import EVERY_TYPE

RULE = CardRule("refuse", KEYS)


def source(column: pa.Array, rule: CardRule = RULE) -> list[Any]:
    found: list[Any] = CardColumns(rule, ()).clean_source(pa.record_batch({"a": column}))["a"].to_pylist()
    return found


def fields(rule: CardRule = RULE, **columns: pa.Array) -> tuple[dict[str, Any], dict[int, str]]:
    rows = pa.record_batch(columns)
    findings = Findings(len(rows))
    return CardColumns(rule, EVERY_TYPE.fields).clean_fields(rows, findings).to_pydict(), findings.reasons


@pytest.mark.parametrize(
    "column",
    [
        pa.array([VISA, None, "c_1", AMEX]),
        pa.array([VISA.encode(), None, b"c_1", AMEX.encode()]),
        pa.array([VISA, None, "c_1", AMEX]).dictionary_encode(),
    ],
    ids=["text", "bytes", "dictionary"],
)
def test_texts_become_pseudonyms_and_others_stay(column: pa.Array) -> None:
    assert source(column) == [KEYS.pseudonym(VISA), None, "c_1", KEYS.pseudonym(AMEX)]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.decimal128(22, 2)], ids=str)
def test_numbers_become_texts_where_one_of_them_is_a_card_number(kind: pa.DataType) -> None:
    first, second, third = source(pa.array([int(VISA), 7, None], pa.int64()).cast(kind))
    assert first.startswith(KEYS.pseudonym(VISA))
    assert str(second).split(".")[0] == "7"
    assert third is None


@pytest.mark.parametrize(
    "column", [pa.array([1_700_000_000_000, 2]), pa.array(["x" * 40]), pa.array([True])], ids=str
)
def test_columns_without_card_numbers_are_as_they_were(column: pa.Array) -> None:
    assert source(column) == column.to_pylist()


def test_fields_have_pseudonyms_whatever_they_were_made_of() -> None:
    found, reasons = fields(card_id=pa.array(["411111 1111111111", "c 1"]), amount=pa.array([1, 2]))
    assert found == {"card_id": [KEYS.pseudonym(VISA), "c 1"], "amount": [1, 2]}
    assert reasons == {}


def test_what_has_no_room_for_a_pseudonym_rejects_its_row() -> None:
    numbers = pa.array([float(AMEX), 1.5, np.nan])
    _, reasons = fields(v1=numbers, ip_country=pa.array(["DE", AMEX, None]))
    assert reasons == {
        0: "v1 holds a card number and is a number; declare it as an id",
        1: "ip_country holds a card number, and a pseudonym is too long for it",
    }


def test_exempt_fields_stay() -> None:
    rule = CardRule("refuse", KEYS, {"transaction_id": ("transaction_id",)})
    found, _ = fields(rule, transaction_id=pa.array([VISA]), card_id=pa.array([VISA]))
    assert found == {"transaction_id": [VISA], "card_id": [KEYS.pseudonym(VISA)]}


def test_without_a_key_the_file_is_refused_without_its_numbers() -> None:
    with pytest.raises(
        ConfigurationError, match="card_id holds card numbers, and there is no key"
    ) as refusal:
        fields(CardRule(), card_id=pa.array([VISA]))
    assert VISA not in str(refusal.value)


def test_what_keeps_nothing_needs_no_key_of_its_own(make_settings: SettingsFactory) -> None:
    # given no key, and a key
    made = rule_of_nothing_kept(make_settings())
    given = rule_of_nothing_kept(make_settings(cards={"key": KEY}))

    # then pseudonyms are the same within the process, and the setting's where there is one
    assert made.replace(VISA) == rule_of_nothing_kept(make_settings()).replace(VISA) != VISA
    assert given.replace(VISA) == KEYS.pseudonym(VISA)
