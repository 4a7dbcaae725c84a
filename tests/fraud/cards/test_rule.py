"""What a rule makes of messages: keys, payloads, JSON."""

import json

import pytest

from fraud.cards.rule import CardRule
from tests.fraud.cards.made import AMEX, KEYS, REPLACE, VISA


def test_texts_and_numbers_of_json_are_replaced_and_the_rest_stays_byte_by_byte() -> None:
    # given a message with numbers in an id, an attribute, an array, a number and a name
    body = (
        b'{"card_id" : "4111 1111 1111 1111", "amount": 12.50,"x":{"pan":["' + AMEX.encode() + b'"]}, '
        b'"n":' + VISA.encode() + b', "\\u00e9": "\\u0034111111111111111", "t": 1700000000000}'
    )

    # when it is replaced
    replaced = REPLACE.replace_json(body)

    # then it has pseudonyms, and is as it was everywhere else
    visa, amex = KEYS.pseudonym(VISA), KEYS.pseudonym(AMEX)
    assert replaced.decode() == (
        f'{{"card_id" : "{visa}", "amount": 12.50,"x":{{"pan":["{amex}"]}}, '
        f'"n":"{visa}", "\\u00e9": "{visa}", "t": 1700000000000}}'
    )
    assert json.loads(replaced)["amount"] == 12.5


def test_a_message_without_a_number_is_the_same_object() -> None:
    body = b'{"card_id": "c_1", "amount": 0.4111111111111111}'
    assert REPLACE.replace_json(body) is body


def test_exempt_fields_stay_where_others_are_replaced() -> None:
    # given a transaction_id that may look like a card number
    rule = CardRule("replace", KEYS, {"transaction_id": ("order", "number")})
    body = f'{{"order": {{"number": "{AMEX}"}}, "card_id": "{VISA}"}}'.encode()

    # then it stays, in what is sent and in a dead letter
    assert json.loads(rule.replace_json(body)) == {"order": {"number": AMEX}, "card_id": KEYS.pseudonym(VISA)}
    cleaned = rule.clean_payload(body)
    assert cleaned is not None
    assert json.loads(cleaned) == {"order": {"number": AMEX}, "card_id": "411111******1111"}


@pytest.mark.parametrize(("keys", "expected"), [(KEYS, KEYS.pseudonym(VISA)), (None, "411111******1111")])
def test_a_key_gets_a_pseudonym_or_without_keys_a_mask(keys: object, expected: str) -> None:
    rule = CardRule("refuse", keys)  # type: ignore[arg-type]
    assert rule.clean_key(VISA.encode()) == expected.encode()
    assert rule.clean_key(b"\xff\x00") == b"\xff\x00"
    assert rule.clean_key(None) is None


def test_an_identifier_is_looked_up_as_it_is_too() -> None:
    assert REPLACE.lookups(VISA) == [KEYS.pseudonym(VISA), VISA]
    assert REPLACE.lookups("c_1") == ["c_1"]
    assert CardRule().lookups(VISA) == [VISA]


def test_states_of_other_rules_have_other_fingerprints() -> None:
    rules = [CardRule(), REPLACE, CardRule("refuse", None, {"card_id": ("card_id",)})]
    assert len({one.fingerprint for one in rules}) == 3
    assert CardRule("refuse", KEYS).fingerprint == CardRule().fingerprint == ""
