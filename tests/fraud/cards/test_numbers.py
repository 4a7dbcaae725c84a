"""What counts as a card number, and what only looks like one."""

import random
import uuid

import pytest

from fraud.cards.numbers import find_card_numbers, has_checksum, holds_card_number, is_card_number
from tests.fraud.cards.made import AMEX, PUBLISHED, VISA, with_check_digit


@pytest.mark.parametrize("number", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_published_numbers_of_every_issuer_are_found(number: str) -> None:
    assert is_card_number(number)
    assert find_card_numbers(number) == [(0, len(number))]


@pytest.mark.parametrize("number", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_a_number_with_one_wrong_digit_is_none(number: str) -> None:
    for at in range(len(number)):
        wrong = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        assert not holds_card_number(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111", "3782 822463 10005",
        "411111-1111111111", "3056 930902 5904", "4000 0000 0000 0000 006",
    ],
)  # fmt: skip
def test_a_number_in_groups_is_found_whole(text: str) -> None:
    assert find_card_numbers(text) == [(0, len(text))]


@pytest.mark.parametrize(
    "text",
    [
        "PAN4111111111111111", "c4111111111111111", "4111111111111111x", "pan_4111111111111111",
        "(4111111111111111)",
        "order-2024-4111111111111111", '{"card":"4111111111111111"}', "\\n4111111111111111",
        "4111111111111111.0",
        "card 4111 1111 1111 1111, thanks", "Karte №4111111111111111 gültig",
    ],
)  # fmt: skip
def test_a_number_inside_a_text_is_found(text: str) -> None:
    (span,) = find_card_numbers(text)
    assert "".join(one for one in text[slice(*span)] if one.isdigit()) == VISA


@pytest.mark.parametrize(
    "text",
    [
        "", "411111111111111", "41111111111111111", "1700000000000", "0.4111111111111111",
        "-12.4111111111111111",
        "4532.0151128303", "4111 1111-1111 1111", "4111  1111  1111  1111", "41 11 11 11 11 11 11 11",
        "9999999999999995", "a1b4111111111111111", "4111111111111111e5",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert find_card_numbers(text) == []


def test_several_numbers_in_a_text_are_all_found() -> None:
    text = f"{VISA},{AMEX} and {VISA}"
    assert [text[start:end] for start, end in find_card_numbers(text)] == [VISA, AMEX, VISA]


def test_random_uuids_and_hashes_are_no_card_numbers() -> None:
    # given ids as software makes them, among them UUIDs whose last groups are digits
    draw = random.Random(7)
    ids = [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(20_000)]
    ids += [f"{draw.getrandbits(256):064x}" for _ in range(20_000)]
    ids += [
        f"550e8400-e29b-41d4-{with_check_digit('471644665544')[:4]}-{draw.randrange(10**12):012}"
        for _ in range(999)
    ]

    for _ in range(20_000):
        middle = f"{draw.randrange(10**4):04}-4123-8{draw.randrange(10**3):03}"
        ids.append(f"a{draw.randrange(10**7):07}-{middle}-a{draw.getrandbits(44):011x}")
        ids.append(f"{draw.randrange(10**8):08}-{middle}-{draw.randrange(10**12):012}")

    # then none of them is taken for a card
    assert not [one for one in ids if holds_card_number(one)]


def test_the_check_digit_is_that_of_the_standard() -> None:
    assert has_checksum("79927398713")  # ISO/IEC 7812-1's usual example
    assert not has_checksum("79927398710")
