"""Card numbers in the texts and numbers of payments: what `fraud.cards.numbers` finds, compiled."""

import numpy as np

from fraud.native.issuers import (
    FEWEST_DIGITS,
    FEWEST_GROUPS_WITH_DOTS,
    FEWEST_IN_GROUP,
    ISSUERS,
    MOST_DIGITS,
    MOST_IN_FIRST_GROUP,
    MOST_IN_GROUP,
    PREFIX_DIGITS,
    SEPARATORS,
)
from fraud.native.jit import inlined

ISSUER_TABLE = np.array([(low, high, sum(1 << one for one in lengths)) for low, high, lengths in ISSUERS])
"""Of each issuer the first six digits, from and to, and a bit for each number of digits, int64 (N, 3)."""

FEWEST_BYTES = FEWEST_DIGITS
"""A shorter text holds no card number."""

LEAST_NUMBER = 10 ** (FEWEST_DIGITS - 1)
"""A smaller integer is no card number."""

_SPACE, _DASH, _DOT = (ord(one) for one in SEPARATORS)
_ZERO, _NINE = ord("0"), ord("9")
_DOUBLED = np.array([sum(divmod(2 * digit, 10)) for digit in range(10)])


@inlined
def holds_card_number(data, start, end):  # type: ignore[no-untyped-def]
    """Whether a card number is in `data[start:end]`, which are bytes of a text."""
    at = start
    while at + FEWEST_BYTES <= end:
        if not _is_digit(data[at]):
            at += 1
            continue
        if _starts_number(data, at, start, end):
            return True
        at = _group_end(data, at, end)
    return False


@inlined
def is_card_integer(value):  # type: ignore[no-untyped-def]
    """Whether an integer of at least `LEAST_NUMBER` has the digits of a card number."""
    rest, digits, total = value, 0, 0
    while rest > 0:
        digit = rest % 10
        total += int(_DOUBLED[digit]) if digits & 1 else digit
        rest //= 10
        digits += 1
    prefix = value
    while prefix >= 10**PREFIX_DIGITS:
        prefix //= 10
    return total % 10 == 0 and _has_issuer(prefix, digits)


@inlined
def _starts_number(data, first, start, end):  # type: ignore[no-untyped-def]
    """Whether a card number starts with the group of digits at `first`, before which there is no digit."""
    at, digits, groups, separator = first, 0, 0, 0
    while not _is_fraction(data, first, start):
        stop = _group_end(data, at, end)
        length = stop - at
        digits, groups = digits + length, groups + 1
        if digits > MOST_DIGITS or (groups > 1 and length > MOST_IN_GROUP):
            break
        has_groups = separator != _DOT or groups >= FEWEST_GROUPS_WITH_DOTS
        is_apart = groups == 1 or not _has_letters_beside(data, first, stop, start, end)
        is_long = digits >= FEWEST_DIGITS and has_groups and is_apart
        if is_long and _is_number(data, first, stop, digits, start, end):
            return True
        most = MOST_IN_FIRST_GROUP if groups == 1 else MOST_IN_GROUP
        if not FEWEST_IN_GROUP <= length <= most or not _goes_on(data, stop, end, separator):
            break
        separator, at = int(data[stop]), stop + 1
    return False


@inlined
def _is_number(data, first, stop, digits, start, end):  # type: ignore[no-untyped-def]
    """Whether so many digits in `data[first:stop]`, separators among them, are a card number."""
    total, prefix, count = 0, 0, 0
    for at in range(first, stop):
        if not _is_digit(data[at]):
            continue
        digit = int(data[at]) - _ZERO
        total += int(_DOUBLED[digit]) if (digits - count) & 1 == 0 else digit
        if count < PREFIX_DIGITS:
            prefix = 10 * prefix + digit
        count += 1
    return total % 10 == 0 and _has_issuer(prefix, digits) and _is_apart(data, first, stop, start, end)


@inlined
def _goes_on(data, at, end, separator):  # type: ignore[no-untyped-def]
    """Whether `separator`, or any if it is 0, is at `at`, and a digit after it."""
    if at + 1 >= end or not _is_digit(data[at + 1]):
        return False
    if separator != 0:
        return data[at] == separator
    return data[at] == _SPACE or data[at] == _DASH or data[at] == _DOT


@inlined
def _has_issuer(prefix, digits):  # type: ignore[no-untyped-def]
    for row in range(len(ISSUER_TABLE)):
        if ISSUER_TABLE[row, 0] <= prefix <= ISSUER_TABLE[row, 1] and ISSUER_TABLE[row, 2] >> digits & 1:
            return True
    return False


@inlined
def _is_fraction(data, at, start):  # type: ignore[no-untyped-def]
    """Whether the digits at `at` are the decimals of a number."""
    return at - start >= 2 and data[at - 1] == _DOT and _is_digit(data[at - 2])


@inlined
def _is_apart(data, first, last, start, end):  # type: ignore[no-untyped-def]
    """Whether the word around consists of the digits and of letters that only lead or follow."""
    before, after = first, last
    while before > start and _is_letter(data[before - 1]):
        before -= 1
    while after < end and _is_letter(data[after]):
        after += 1
    leads = before in (first, start) or not _is_digit(data[before - 1])
    follows = after in (last, end) or not _is_digit(data[after])
    return leads and follows


@inlined
def _has_letters_beside(data, first, last, start, end):  # type: ignore[no-untyped-def]
    return (first > start and _is_letter(data[first - 1])) or (last < end and _is_letter(data[last]))


@inlined
def _group_end(data, at, end):  # type: ignore[no-untyped-def]
    while at < end and _is_digit(data[at]):
        at += 1
    return at


@inlined
def _is_digit(byte):  # type: ignore[no-untyped-def]
    return _ZERO <= byte <= _NINE


@inlined
def _is_letter(byte):  # type: ignore[no-untyped-def]
    return 65 <= byte & 0xDF <= 90  # with the bit of small letters cleared
