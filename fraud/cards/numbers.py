"""What looks like a card number: 13 to 19 digits of a known issuer whose checksum (Luhn) is right.

This is the readable reference; `fraud.native.card_numbers` does the same on the hot path. The digits may be
in groups of three to ten, the first of at most six, divided by single spaces, dashes or dots, such as
`4111 1111 1111 1111`. Between dots there are at least three groups, since `4532.0151128` is a number with
decimals. No letter is next to groups; digits in one piece may follow or lead letters, but no other digits of
the same word. So the digits inside hexadecimal text, such as a UUID, are no card number.
"""

import re
from collections.abc import Iterator

from fraud.native.issuers import (
    FEWEST_DIGITS,
    FEWEST_GROUPS_WITH_DOTS,
    FEWEST_IN_GROUP,
    ISSUERS,
    MOST_DIGITS,
    MOST_IN_FIRST_GROUP,
    MOST_IN_GROUP,
    PREFIX_DIGITS,
)

_POSSIBLE = re.compile(r"[0-9](?:[ .-]?[0-9]){12}")
_CHAIN = re.compile(r"[0-9]+(?:[ .-][0-9]+)*")
_DIGITS = re.compile("[0-9]+")

Span = tuple[int, int]
"""Where something starts and ends in a text."""


def is_card_number(digits: str) -> bool:
    """Whether digits alone, without separators, look like a card number."""
    return FEWEST_DIGITS <= len(digits) <= MOST_DIGITS and _has_issuer(digits) and has_checksum(digits)


def has_checksum(digits: str) -> bool:
    """Whether the last of the digits is the check digit of the others (Luhn)."""
    values = [int(one) for one in reversed(digits)]
    doubled = sum(sum(divmod(2 * one, 10)) for one in values[1::2])
    return (sum(values[0::2]) + doubled) % 10 == 0


def find_card_numbers(text: str) -> list[Span]:
    """Where card numbers are in a text, in order, without overlap; of several at a place the longest."""
    if _POSSIBLE.search(text) is None:
        return []
    return [span for chain in _CHAIN.finditer(text) for span in _find_in_chain(text, chain)]


def holds_card_number(text: str) -> bool:
    """Whether a card number is anywhere in a text."""
    return bool(find_card_numbers(text))


def digits_of(text: str) -> str:
    """The digits of a card number that may have separators."""
    return "".join(one for one in text if one.isdigit())


def _has_issuer(digits: str) -> bool:
    prefix = int(digits[:PREFIX_DIGITS])
    return any(first <= prefix <= last and len(digits) in lengths for first, last, lengths in ISSUERS)


def _find_in_chain(text: str, chain: re.Match[str]) -> Iterator[Span]:
    groups = [one.span() for one in _DIGITS.finditer(text, *chain.span())]
    first = 0
    while first < len(groups):
        count = _count_groups(text, groups[first:])
        if count:
            yield groups[first][0], groups[first + count - 1][1]
        first += max(1, count)


def _count_groups(text: str, groups: list[Span]) -> int:
    """Of how many groups, from the first on, the longest card number is; 0: none."""
    longest = 0
    for count in range(1, len(groups) + 1):
        if not _may_be_groups(text, groups[:count]):
            break
        is_short = count > 1 and text[groups[0][1]] == "." and count < FEWEST_GROUPS_WITH_DOTS
        digits = "".join(text[start:end] for start, end in groups[:count])
        around = (groups[0][0], groups[count - 1][1])
        is_apart = _is_apart(text, *around) if count == 1 else not _has_letters_beside(text, *around)
        if not is_short and is_card_number(digits) and is_apart:
            longest = count
    return longest


def _may_be_groups(text: str, groups: list[Span]) -> bool:
    """Whether the groups may begin a card number: by their lengths, and with one kind of separator."""
    lengths = [end - start for start, end in groups]
    if sum(lengths) > MOST_DIGITS:
        return False
    if len(groups) == 1:
        return not _is_fraction(text, groups[0][0])
    is_separated_alike = len({text[end] for _, end in groups[:-1]}) == 1
    are_before_long = all(FEWEST_IN_GROUP <= one <= MOST_IN_GROUP for one in lengths[:-1])
    is_first_short = lengths[0] <= MOST_IN_FIRST_GROUP
    return is_separated_alike and is_first_short and are_before_long and lengths[-1] <= MOST_IN_GROUP


def _is_fraction(text: str, start: int) -> bool:
    """Whether the digits are the decimals of a number, such as those of 0.4111111111111111."""
    return start >= 2 and text[start - 1] == "." and _is_digit(text[start - 2])


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether the word around consists of the digits and of letters that only lead or follow."""
    first, last = start, end
    while first and _is_letter(text[first - 1]):
        first -= 1
    while last < len(text) and _is_letter(text[last]):
        last += 1
    leads = first == start or not first or not _is_digit(text[first - 1])
    follows = last == end or last == len(text) or not _is_digit(text[last])
    return leads and follows


def _has_letters_beside(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return any(map(_is_letter, before + after))


def _is_letter(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()


def _is_digit(letter: str) -> bool:
    return "0" <= letter <= "9"
