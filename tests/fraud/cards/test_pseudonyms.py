"""Pseudonyms depend on the number and a secret key, and nothing else."""

import hashlib

import pytest

from fraud.cards.numbers import holds_card_number
from fraud.cards.pseudonyms import PSEUDONYM_LENGTH, CardKeys, new_key, parse_key
from tests.fraud.cards.made import AMEX, KEY, KEYS, OTHER_KEY, VISA


def test_a_number_has_one_pseudonym_however_it_is_written() -> None:
    spellings = [VISA, "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111"]
    assert len({KEYS.replace(one) for one in spellings}) == 1
    assert KEYS.replace(AMEX) != KEYS.replace(VISA)


def test_a_pseudonym_has_no_part_of_its_number_and_is_none() -> None:
    pseudonym = KEYS.replace(VISA)
    assert len(pseudonym) == PSEUDONYM_LENGTH <= 64
    assert not holds_card_number(pseudonym)
    assert VISA[:6] not in pseudonym
    assert VISA[-4:] not in pseudonym


def test_without_the_key_no_hash_of_the_number_gives_its_pseudonym() -> None:
    # given somebody who tries numbers with the usual hashes
    text = KEYS.replace(VISA)

    # then none of them is in the pseudonym
    for name in hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}:
        assert hashlib.new(name, VISA.encode()).hexdigest()[:10] not in text
    assert CardKeys.parse([new_key()]).replace(VISA) != text


def test_the_text_around_a_number_stays() -> None:
    assert KEYS.replace(f"order-7 {VISA} x") == f"order-7 {KEYS.pseudonym(VISA)} x"
    assert KEYS.replace("c_0001") == "c_0001"


def test_after_a_rotation_a_number_is_looked_up_under_both_keys() -> None:
    # given a number that was stored under a key, which is a former one now
    before, after = CardKeys.parse([KEY]), CardKeys.parse([OTHER_KEY, KEY])

    # then it is found under its former pseudonym, and new ones are of the new key
    assert after.lookups(VISA) == [after.pseudonym(VISA), before.pseudonym(VISA)]
    assert after.pseudonym(VISA) != before.pseudonym(VISA)
    assert before.pseudonym(VISA).split("-")[1] == after.key_ids[1]
    assert after.lookups("c_0001") == ["c_0001"]


@pytest.mark.parametrize(
    "text", ["", "cards_", "cards_AAAA", KEY.removeprefix("cards_"), "cards_!!!", KEY[:-8]]
)
def test_what_is_no_key_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="a key of card numbers is cards_ and") as refusal:
        parse_key(text)
    assert "AAAA" not in str(refusal.value)


def test_new_keys_differ_and_keys_are_in_no_text_of_an_object() -> None:
    assert len({new_key() for _ in range(10)}) == 10
    assert "AAAA" not in repr(KEYS)
    assert str(parse_key(KEY)) not in repr(KEYS)
