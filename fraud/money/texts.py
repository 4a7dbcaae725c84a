"""Amounts as people read them: with the currency's sign, never in minor units."""

from fraud.money.currencies import minor_digits

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
"""Of currencies whose sign is understood as theirs; the others have their code."""

_ROUNDED_FROM = 1_000
"""In units; smaller amounts keep their decimals in sums and averages."""


def amount_text(minor: float, currency: str) -> str:
    """`€1,484.50` of 148450; `1,484.50 SEK`; without a currency the bare number."""
    digits = minor_digits(currency)
    return _signed(f"{abs(minor) / 10**digits:,.{digits}f}", minor < 0, currency)


def sum_text(minor: float, currency: str) -> str:
    """`€1,484` of 148450: sums and averages, without decimals from a thousand units on."""
    units = abs(minor) / 10 ** minor_digits(currency)
    if units < _ROUNDED_FROM:
        return amount_text(minor, currency)
    return _signed(f"{units:,.0f}", minor < 0, currency)


def _signed(number: str, is_negative: bool, currency: str) -> str:
    minus, sign = "-" if is_negative else "", _SIGNS.get(currency)
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency}".rstrip()
