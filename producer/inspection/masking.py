"""Card numbers are never shown whole."""

import re

_RUN = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")
_FIRST_DIGITS = "23456"
_KEPT = 4


def is_card_number(text: str) -> bool:
    """Whether the digits' checksum is that of a card number (Luhn)."""
    digits = [int(one) for one in reversed(text)]
    doubled = sum(sum(divmod(2 * one, 10)) for one in digits[1::2])
    return (sum(digits[0::2]) + doubled) % 10 == 0


def masked(text: str, *, always: bool = False) -> str:
    """The text with all but the last digits of card numbers, or, if `always`, of any long number, hidden."""

    def hide(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        is_card = len(digits) >= 13 and digits[0] in _FIRST_DIGITS and is_card_number(digits)
        return "*" * (len(digits) - _KEPT) + digits[-_KEPT:] if always or is_card else match[0]

    return _RUN.sub(hide, text)
