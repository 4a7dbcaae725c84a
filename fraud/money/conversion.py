"""From minor units of a currency to those of the base: plain Python, which `fraud.money.batches` compiles.

The result is `amount * 10 ** exponent / rate`, rounded once to a whole minor unit, half of one to the even
neighbour, so that errors do not add up in one direction. All numbers on the way fit in 64 signed bits.
"""

UNKNOWN = -(1 << 63)
"""The amount where there is no rate, and where there was no amount (`fraud.definitions.fields.UNKNOWN`)."""

MAX_BASE_AMOUNT = 1_000_000_000_000
"""Minor units; a converted amount beyond it is unknown. Up to it sums of amounts and squares are exact."""

DAY_MS = 86_400_000

_MULTIPLIED_BY_10 = (1 << 63) // 10
"""Ten times a number below it fits in 64 signed bits."""


def convert(amount: int, rate: int, exponent: int) -> int:
    """An amount in minor units of the base; `UNKNOWN` if it is beyond `MAX_BASE_AMOUNT`.

    Args:
        amount: minor units of the currency, or `UNKNOWN`.
        rate: units of 10 ** -`RATE_DECIMALS` of the currency that one unit of the base costs; 0 is unknown.
        exponent: `RATE_DECIMALS`, plus the decimals of the base, minus those of the currency; at least 0.
    """
    if amount == UNKNOWN or rate == 0:
        return UNKNOWN
    rest = -amount if amount < 0 else amount
    while exponent > 0 and rest < _MULTIPLIED_BY_10:
        rest *= 10
        exponent -= 1
    quotient, rest = rest // rate, rest % rate
    # Long division, a digit at a time, of what was too large to be multiplied at once.
    while exponent > 0 and quotient <= MAX_BASE_AMOUNT:
        rest *= 10
        quotient = quotient * 10 + rest // rate
        rest %= rate
        exponent -= 1
    if 2 * rest > rate or (2 * rest == rate and quotient % 2 == 1):
        quotient += 1
    if quotient > MAX_BASE_AMOUNT:
        return UNKNOWN
    return -quotient if amount < 0 else quotient


def day_index(time: int, first_day: int, days: int) -> int:
    """The row of `RateTable.rates` for payments of a time (ms); -1 if it has none."""
    index = time // DAY_MS - first_day
    return index if 0 <= index < days else -1


COMPILED = (convert, day_index)
"""What compiled code needs, callees first."""
