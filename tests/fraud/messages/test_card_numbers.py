"""Card numbers at admission: refused or replaced, and alike by compiled code, by Python and by the ingest."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fraud.cards.masking import mask_bytes
from fraud.cards.rule import CardRule
from fraud.features.decoded_batch import DecodedBatch, decode_batch
from fraud.features.events import encode_transactions
from fraud.ingest.rows import LabelRowReader, RejectedMessage, TransactionRowReader
from fraud.messages.admission import MASKED, AdmissionFilter, Admitted, Refused
from fraud.settings import AdmissionSettings
from tests.definitions import V1
from tests.fraud.cards.made import AMEX, KEYS, PUBLISHED, REPLACE, VISA
from tests.fraud.streams import START_MS, label
from tests.producer.definitions import EVERY_TYPE
from tests.serving.state.test_replay import Message
from tests.serving.world import BASE_MS, transaction

REFUSE = CardRule()
SPELLINGS = [VISA, "4111 1111 1111 1111", "4111-1111-1111-1111", f"card:{VISA}"]


def payment(**fields: Any) -> bytes:
    made = transaction(1, **fields)
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def admission(rule: CardRule, definitions: Any = V1, **settings: Any) -> AdmissionFilter:
    return AdmissionFilter(definitions, AdmissionSettings(**settings), cards=rule)


def decoded(rule: CardRule, *messages: bytes) -> DecodedBatch:
    return decode_batch(admission(rule), messages, np.full(len(messages), BASE_MS + 3_600_000))


@pytest.mark.parametrize("field", ["transaction_id", "card_id", "merchant_id", "merchant_category"])
@pytest.mark.parametrize("text", SPELLINGS)
def test_a_number_in_any_text_is_refused_with_its_own_reason(field: str, text: str) -> None:
    # given a payment between two others
    messages = [payment(), payment(**{field: text}), payment(transaction_id="t2")]

    # when it is read
    batch = decoded(REFUSE, *messages)

    # then it alone is refused, and the reason does not repeat the number
    assert len(batch) == 2
    ((number, reason),) = batch.refused
    assert number == 1
    assert reason.startswith(f"{field} holds a card number")
    assert VISA not in reason
    assert batch.fast == 2


@pytest.mark.parametrize("number", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_escaped_digits_are_a_number_too(number: str) -> None:
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in number)
    ((_, reason),) = decoded(REFUSE, payment(card_id="@").replace(b"@", escaped.encode())).refused
    assert "holds a card number" in reason


@pytest.mark.parametrize("value", [int(AMEX), int(VISA)])
def test_a_number_that_is_a_number_is_refused_even_where_others_are_replaced(value: int) -> None:
    # given an attribute that is a number, with a card number and with one that only begins like it
    message = {
        "transaction_id": "t", "card": {"token": "c"}, "merchant_id": "m", "amount": "1.00",
        "currency": "EUR", "timestamp": BASE_MS, "entry_mode": "chip", "V1": value,
    }  # fmt: skip
    other = message | {"V1": value + 1}

    # when both are read
    contents = [json.dumps(one).encode() for one in (message, other)]
    batch = decode_batch(admission(REPLACE, EVERY_TYPE), contents, np.full(2, BASE_MS + 3_600_000))

    # then the first is refused, since a float cannot hold a pseudonym
    assert batch.refused == [(0, "v1 holds a card number; declare it as an id and send it as a text")]


@pytest.mark.parametrize("text", SPELLINGS)
def test_replaced_numbers_have_the_pseudonym_of_the_gateway(text: str) -> None:
    # when a payment with a number is read in between others
    batch = decoded(REPLACE, payment(), payment(transaction_id="t2", card_id=text))

    # then it counts under its pseudonym everywhere
    expected = KEYS.replace(text)
    assert batch.refused == []
    assert batch.texts()["card_id"][1] == batch.card_id(1) == batch.all_values(1)["card_id"] == expected


def test_compiled_code_and_python_hash_a_replaced_card_alike() -> None:
    # given a payment with a number, and the same with its pseudonym, as the gateway sends it
    by_topic = decoded(REPLACE, payment(card_id=VISA))
    by_gateway = decoded(REPLACE, payment(card_id=KEYS.pseudonym(VISA)))

    # then they are the same for every feature
    assert by_gateway.fast == 1
    assert by_topic.fast == 0
    np.testing.assert_array_equal(by_topic.events.heads, by_gateway.events.heads)
    np.testing.assert_array_equal(by_topic.events.values, by_gateway.events.values)


@pytest.mark.parametrize("rule", [REFUSE, REPLACE], ids=["refuse", "replace"])
def test_serving_and_ingest_decide_alike(rule: CardRule) -> None:
    # given payments of which some hold numbers, in ids, attributes and escapes
    values = [
        payment(transaction_id=f"t{n}", card_id=text) for n, text in enumerate([*SPELLINGS, "c_1", AMEX])
    ]
    values += [payment(transaction_id="t90", merchant_category=VISA), payment(transaction_id=VISA)]
    messages = [Message(at, value, BASE_MS + 3_600_000) for at, value in enumerate(values)]

    # when the engine and the ingest read them
    online = admission(rule)
    batch = decode_batch(online, values, np.full(len(values), BASE_MS + 3_600_000))
    reader = TransactionRowReader(admission(rule))
    rows, rejected = reader.read(messages)

    # then the same ones count, under the same names, and the partition's clock is the same
    assert rows["card_id"].to_pylist() == batch.texts()["card_id"]
    assert rows["transaction_id"].to_pylist() == batch.texts()["transaction_id"]
    assert [(one.offset, one.reason) for one in rejected] == batch.refused
    assert reader.state == online.state
    again = [
        found
        for value in values
        if isinstance(found := admission(rule).validate(value, BASE_MS * 2), Admitted)
    ]
    heads = encode_transactions(V1, again).heads
    np.testing.assert_array_equal(heads["card"], batch.events.heads["card"])


def test_a_refused_payment_moves_nothing() -> None:
    # given a filter that has seen a payment
    one = admission(REFUSE)
    one.validate(payment(), BASE_MS + 3_600_000)
    before = list(one.state)

    # when a later one with a number is refused
    one.validate(payment(card_id=VISA, timestamp=BASE_MS + 3_000_000), BASE_MS + 3_600_000)

    # then the clock is as it was
    assert one.state == before


def test_a_pseudonym_that_does_not_fit_refuses_the_payment() -> None:
    found = admission(REPLACE).validate(payment(channel=f"{AMEX}"), BASE_MS + 3_600_000)
    assert isinstance(found, Refused)
    assert found.reason == "channel holds a card number, and a pseudonym is too long for it"


def test_exempt_fields_may_look_like_a_number() -> None:
    rule = CardRule(exempt={"transaction_id": ("transaction_id",)})
    assert decoded(rule, payment(transaction_id=VISA)).fast == 1
    assert len(decoded(rule, payment(card_id=VISA)).refused) == 1


def test_with_required_keys_the_key_is_the_number_that_was_sent() -> None:
    one = admission(REPLACE, key_rule="require")
    assert isinstance(one.validate(payment(card_id=VISA), BASE_MS * 2, VISA.encode()), Admitted)
    assert isinstance(one.validate(payment(card_id=VISA), BASE_MS * 2, b"c_1"), Refused)


def test_labels_are_refused_or_replaced_as_payments_are() -> None:
    # given a label with numbers in both ids
    value = json.dumps(label(1, START_MS) | {"card_id": VISA, "transaction_id": AMEX}).encode()
    message = Message(0, value, START_MS)

    # when it is read by each rule
    (refused,) = LabelRowReader().read([message])[1]
    rows, rejected = LabelRowReader(cards=REPLACE).read([message])

    # then it is a masked dead letter, or has the pseudonyms of its payment
    assert "holds a card number" in refused.reason
    assert refused.value == refused.letter.value == mask_bytes(value) != value
    assert rejected == []
    assert rows["card_id"].to_pylist() == [KEYS.pseudonym(VISA)]
    assert rows["transaction_id"].to_pylist() == [KEYS.pseudonym(AMEX)]


def _malformed(text: str) -> bytes:
    return f'{{"card_id": "{text}", oops'.encode()


@pytest.mark.parametrize(
    "make", [lambda text: payment(card_id=text), _malformed], ids=["refused", "malformed"]
)
@pytest.mark.parametrize(
    "rule", [REFUSE, REPLACE, CardRule("refuse", KEYS)], ids=["no key", "replace", "refuse"]
)
def test_a_dead_letter_has_no_number_and_says_that_it_is_masked(
    rule: CardRule, make: Callable[[str], bytes]
) -> None:
    # given a message that is refused, with a number in key, value and headers
    message = _WithNumbers(0, make(VISA) if rule is not REPLACE else _malformed(VISA), START_MS)
    (found,) = _rejected(rule, message)

    # then none of them is in the letter
    letter = found.letter
    everything = b"|".join(
        [letter.key or b"", letter.value or b"", repr(letter).encode(), found.reason.encode()]
    )
    assert VISA.encode() not in everything
    assert letter.context[-1] == (MASKED, b"true")
    assert letter.key == (KEYS.pseudonym(VISA) if rule.keys else "411111******1111").encode()


def _rejected(rule: CardRule, message: Any) -> list[RejectedMessage]:
    return TransactionRowReader(admission(rule)).read([message])[1]


class _WithNumbers(Message):
    def key(self) -> bytes:
        return VISA.encode()

    def headers(self) -> list[tuple[str, bytes]]:
        return [("card", VISA.encode()), (f"x-{VISA}", b"1")]
