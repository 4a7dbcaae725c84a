"""Squares that need more than 63 bits, as two halves: plain Python for arrays, compiled for the kernel."""

from typing import Any

_LOW_32 = 0xFFFF_FFFF


def square_halves(value: Any) -> tuple[Any, Any]:
    """The square >> 32 and its low 32 bits, exact for |value| < 2 ** 46; an integer or an int64 array."""
    high, low = value >> 16, value & 0xFFFF
    middle = high * low  # counts 2 ** 17 times
    rest = ((middle & 0x7FFF) << 17) + low * low
    return high * high + (middle >> 15) + (rest >> 32), rest & _LOW_32


COMPILED = (square_halves,)
"""What compiled code needs."""
