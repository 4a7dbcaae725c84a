"""The operations that predicates are compiled to.

A number register holds float64: NaN is unknown, infinity has failed. A truth register holds a set of truths:
those that the payment may have, more than one where only the text of a category can decide.
"""

from enum import IntEnum, auto
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TRUE, FALSE, NEITHER, FAILED = 1, 2, 4, 8
"""Elements of a set of truths; `NEITHER` is unknown."""

BLOCK = 128
"""PaymentArrays that an operation works on at once."""


class Code(IntEnum):
    """What an operation does, and its operands behind the register that it writes.

    `n` and `t` are registers of numbers and truths, `d` a number register with what values are divided by.
    """

    LITERAL = 0
    """Number."""
    PAID_FACTOR = auto()
    """Column of the currency: 10 ** its decimals."""
    FEATURE = auto()
    """Column, d."""
    INTEGER = auto()
    """Column, d."""
    AMOUNT = auto()
    """0, d."""
    REAL = auto()
    """Column."""
    PROBABILITY = auto()

    ADD = auto()
    """n, n; likewise those below."""
    SUBTRACT = auto()
    MULTIPLY = auto()
    DIVIDE = auto()
    REMAINDER = auto()
    LEAST = auto()
    GREATEST = auto()

    NEGATE = auto()
    """n."""
    ABSOLUTE = auto()
    """n."""
    FIRST_KNOWN = auto()
    """n, n."""
    CHOOSE = auto()
    """t, n if it is true, n if not."""

    LESS = auto()
    """n, n."""
    LESS_EQUAL = auto()
    """n, n."""
    EQUAL = auto()
    """n, n."""
    AMONG = auto()
    """n, start and end of the literals."""
    NUMBER_UNKNOWN = auto()
    """n."""

    TRUTH = auto()
    """Set."""
    BOOLEAN = auto()
    """Column."""
    TEXT_AMONG = auto()
    """Column, start and end of the keys, kind."""
    SAME_TEXT = auto()
    """Column, column, kind."""
    TEXT_UNKNOWN = auto()
    """Column, 0, 0, kind."""
    ON_LIST = auto()
    """Column, list, 0, kind."""

    AND = auto()
    """Its register and t."""
    OR = auto()
    """Its register and t."""
    NOT = auto()
    """Its register."""
    SAME_TRUTH = auto()
    """Its register and t."""
    TRUTH_UNKNOWN = auto()
    """Its register."""
    COPY = auto()
    """t."""
    RESULT = auto()
    """Writes to a column of the results: t."""


LAST_LOAD, LAST_ARITHMETIC, LAST_NUMBER = int(Code.PROBABILITY), int(Code.GREATEST), int(Code.CHOOSE)
LAST_COMPARISON, LAST_OF_FIELDS = int(Code.NUMBER_UNKNOWN), int(Code.ON_LIST)


class Program(NamedTuple):
    """What to compute.

    Attributes:
        operations: code, register that is written, four operands; int32 (K, 6).
        literals: numbers, those of an IN in ascending order, float64.
        keys: values of text fields as `Events.values` has them, those of an IN in ascending order, int64.
        powers: 10 ** decimals of each currency by `currency_index`, float64.
    """

    operations: npt.NDArray[np.int32]
    literals: npt.NDArray[np.float64]
    keys: npt.NDArray[np.int64]
    powers: npt.NDArray[np.float64]


class PaymentArrays(NamedTuple):
    """N payments.

    Attributes:
        heads: `fraud.features.events.HEAD`, (n,).
        values: `Events.values`, int64 (n, fields).
        reals: the same memory as float64.
        rows: features, float32 (n, features).
        probabilities: float64 (n,).
    """

    heads: npt.NDArray[np.void]
    values: npt.NDArray[np.int64]
    reals: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float64]


class ListArrays(NamedTuple):
    """The entries of lists.

    Attributes:
        slots: of `fraud.native.rules.list_table`.
        sizes: how many entries each list has, by its number; of those beyond, which are new, it is not known.
    """

    slots: npt.NDArray[np.void]
    sizes: npt.NDArray[np.int64]


class Registers(NamedTuple):
    """Memory for the values of a block.

    Attributes:
        numbers: float64 (registers, BLOCK).
        truths: uint8 (registers, BLOCK).
        doubts: where a number depends on a category's text, uint8 (BLOCK,).
    """

    numbers: npt.NDArray[np.float64]
    truths: npt.NDArray[np.uint8]
    doubts: npt.NDArray[np.uint8]


class Results(NamedTuple):
    """Of each predicate and payment, bool (P, n): an operation writes to one stretch of memory.

    Attributes:
        fired: it is true.
        failed: it cannot be computed.
        unsure: the text of a category decides which of both.
    """

    fired: npt.NDArray[np.bool_]
    failed: npt.NDArray[np.bool_]
    unsure: npt.NDArray[np.bool_]
