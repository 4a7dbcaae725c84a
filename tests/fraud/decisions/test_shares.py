"""Shares by hash have the size that was asked for, and are independent of each other."""

import pytest

from fraud.decisions.shares import CONTROL_SALT, SAMPLE_SALT, is_in_share, limit_of, rule_salt
from fraud.features.events import hash_identifier

CARDS = [hash_identifier(f"card-{number}") for number in range(20_000)]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 1.0])
def test_a_share_has_its_size(share: float) -> None:
    found = sum(is_in_share(card, CONTROL_SALT, limit_of(share)) for card in CARDS)
    assert abs(found / len(CARDS) - share) < 0.01
    assert share not in (0, 1) or found == share * len(CARDS)


def test_a_larger_share_contains_a_smaller_one() -> None:
    small, large = ({card for card in CARDS if is_in_share(card, 5, limit_of(one))} for one in (0.1, 0.2))
    assert small < large


def test_shares_are_independent() -> None:
    # given the shares of two rules and of the control group, each of half of the cards
    salts = [rule_salt("one"), rule_salt("other"), CONTROL_SALT]
    half = limit_of(0.5)
    # when we count the cards of all three
    common = sum(all(is_in_share(card, salt, half) for salt in salts) for card in CARDS)
    # then they are an eighth
    assert abs(common / len(CARDS) - 1 / 8) < 0.01


def test_who_is_in_a_share_never_changes() -> None:
    # The log decides again by these numbers.
    assert (hash_identifier("control group"), hash_identifier("review sample")) == (CONTROL_SALT, SAMPLE_SALT)
    found = [
        number for number, card in enumerate(CARDS[:40]) if is_in_share(card, rule_salt("a"), limit_of(0.2))
    ]
    assert found == [0, 2, 3, 4, 6, 10, 12, 17, 25, 30, 39]
