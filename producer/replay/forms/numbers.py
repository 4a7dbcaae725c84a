"""What a number in a file is: digits 0 to 9, and the signs that are named here; nothing else counts as one.

Python's own `int`, `Decimal` and `strptime` also take digits of other scripts and underscores, which no rule
of a file's columns does: text is held against a pattern of these first.
"""

import re

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
"""With or without decimals and an exponent."""
PLAIN = r"^[+-]?[0-9]+(\.[0-9]*)?$"
"""As most people write it: without an exponent."""
WHOLE = r"^[+-]?[0-9]{1,19}$"
"""Without decimals; the largest of these leave 63 bits."""

_NUMBER = re.compile(NUMBER)
_OTHER_DIGIT = re.compile(r"[^\D0-9]")


def is_number_text(text: str) -> bool:
    """Whether a text, without space around it, is a number."""
    return _NUMBER.fullmatch(text) is not None


def has_other_digits(text: str) -> bool:
    """Whether a digit of another script than ours is in it."""
    return _OTHER_DIGIT.search(text) is not None
