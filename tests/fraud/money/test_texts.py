"""Amounts as people read them."""

import pytest

from fraud.money.texts import amount_text, sum_text


@pytest.mark.parametrize(
    ("minor", "currency", "amount", "total"),
    [
        (148_450, "EUR", "€1,484.50", "€1,484"),
        (-990, "USD", "-$9.90", "-$9.90"),
        (1_484, "JPY", "¥1,484", "¥1,484"),
        (148_450, "SEK", "1,484.50 SEK", "1,484 SEK"),
        (1_484_500, "KWD", "1,484.500 KWD", "1,484 KWD"),
        (148_450, "", "1,484.50", "1,484"),
    ],
)
def test_an_amount_is_in_units_of_its_currency(minor: int, currency: str, amount: str, total: str) -> None:
    assert (amount_text(minor, currency), sum_text(minor, currency)) == (amount, total)
