"""Card numbers that are made up, with the check digit of real ones, and keys."""

from fraud.cards.numbers import has_checksum
from fraud.cards.pseudonyms import KEY_PREFIX, CardKeys
from fraud.cards.rule import CardRule

VISA = "4111111111111111"
"""A number that payment companies publish for tests, as are the others."""
AMEX = "378282246310005"
PUBLISHED = {
    "Visa": VISA,
    "Visa, 13 digits": "4222222222222",
    "Mastercard": "5555555555554444",
    "Mastercard, second series": "2223003122003222",
    "American Express": AMEX,
    "Discover": "6011111111111117",
    "Diners Club": "30569309025904",
    "Diners Club, 36": "36227206271667",
    "JCB": "3566002020360505",
    "UnionPay": "6200000000000005",
    "Maestro": "6759649826438453",
}
KEY = KEY_PREFIX + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
OTHER_KEY = KEY_PREFIX + "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
KEYS = CardKeys.parse([KEY])
REPLACE = CardRule("replace", KEYS)


def with_check_digit(digits: str) -> str:
    """The digits and their check digit."""
    return next(digits + last for last in "0123456789" if has_checksum(digits + last))
