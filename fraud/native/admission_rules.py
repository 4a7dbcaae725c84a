"""Rules on currencies, amounts and event times: plain Python for admission, compiled for the JSON reader."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LETTERS = 26
_FIRST_LETTER, _LAST_LETTER = ord("A"), ord("Z")


class Limits(NamedTuple):
    """The limits of a message, from `AdmissionSettings`.

    Attributes:
        max_bytes: of the message.
        max_amounts: minor units, int64 (LETTERS ** 3,), by `currency_index`.
        earliest: the smallest event time, ms.
        clock_skew: ms by which the event time may be ahead of Kafka's.
        lateness: ms by which it may be behind the partition's largest event time.
        step: ms by which one message may move the partition's clock.
        max_jump: ms by which it may be ahead of the partition's largest event time.
        refunds: 1 if an amount may be below 0, else 0.
        card_checks: of each field whether it may not hold a card number, bool (F,).
    """

    max_bytes: int
    max_amounts: npt.NDArray[np.int64]
    earliest: int
    clock_skew: int
    lateness: int
    step: int
    max_jump: int
    refunds: int
    card_checks: npt.NDArray[np.bool_]


def currency_index(first: int, second: int, third: int) -> int:
    """A number below `LETTERS` ** 3 for three capital letters (ASCII codes); -1 if one is something else."""
    index = 0
    for letter in (first, second, third):
        if letter < _FIRST_LETTER or letter > _LAST_LETTER:
            return -1
        index = index * LETTERS + letter - _FIRST_LETTER
    return index


def is_amount_allowed(limits: Limits, amount: int, currency: int) -> bool:
    """Whether an amount, in minor units of the currency with this index, is within its limit."""
    most = limits.max_amounts[currency]
    return bool(-limits.refunds * most <= amount <= most)


def is_time_allowed(limits: Limits, time: int, kafka_time: int) -> bool:
    """Whether an event time is not too early and not too far ahead of Kafka's, both in ms."""
    return limits.earliest <= time <= kafka_time + limits.clock_skew


COMPILED = (currency_index, is_amount_allowed, is_time_allowed)
"""What compiled code needs, callees first."""
