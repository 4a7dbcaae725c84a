"""Where a text names a card."""

import json

import pytest

from fraud.privacy.cards import NamedCard

CARD = NamedCard(frozenset({"c4"}))


@pytest.mark.parametrize(
    ("content", "is_named"),
    [
        (b'{"card_id": "c4"}', True),
        (b"blocked_cards/c4", True),
        (b'{"card_id": "c42"}', False),
        (b"c4-1, ac4", False),
        # Binary formats put lengths before and after a text.
        (b"\x00\x00\x00\x00\x070c40", True),
    ],
)
def test_an_id_is_found_as_a_word_and_in_binary_messages_anywhere(content: bytes, *, is_named: bool) -> None:
    assert CARD.is_named_in(content) is is_named


@pytest.mark.parametrize("card_id", ['quo"ted', "Ünïcode", "back\\slash", "a.b+c*"])
def test_an_id_is_found_however_json_writes_it(card_id: str) -> None:
    card = NamedCard(frozenset({card_id}))
    for is_ascii in (True, False):
        assert card.is_named_in(json.dumps({"card_id": card_id}, ensure_ascii=is_ascii).encode())


def test_a_masked_text_keeps_its_length() -> None:
    assert CARD.masked(b"c4 paid, c42 did not, c4 again") == (b"** paid, c42 did not, ** again", 2)


def test_a_token_replaces_the_longest_id() -> None:
    # given two ids of which one begins with the other
    card = NamedCard(frozenset({"c4", "c4/x"}))
    # then
    assert card.replaced("c4/x and c4", "T") == "T and T"
