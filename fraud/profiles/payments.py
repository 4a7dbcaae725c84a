"""What was paid with each key in each period."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.fields import UNKNOWN
from fraud.native.kernel.squares import square_halves

Ints = npt.NDArray[np.int64]

SUMS = ("payments", "amounts", "total", "squares_high", "squares_low")
"""Payments; those with a known amount; the sum of these; the sum of their squares >> 32, and & 0xFFFFFFFF."""

PERIODS_ARROW = pa.schema([(name, pa.int64()) for name in ("key", "period", *SUMS)])
"""One key's payments of one period."""

ABSENT = 0
"""The key of a payment without a value of the field (`FieldType`)."""


@dataclass(frozen=True)
class PeriodSums:
    """Payments of one field, by key and then period, each pair once.

    Attributes:
        keys: as `Events.values` has the field, int64 (R,).
        periods: counted since 1970, int64 (R,).
        sums: `SUMS`, int64 (len(SUMS), R).
    """

    keys: Ints
    periods: Ints
    sums: Ints

    def __len__(self) -> int:
        return len(self.keys)

    @staticmethod
    def of_payments(keys: Ints, times: Ints, amounts: Ints, every_ms: int) -> "PeriodSums":
        """Sums of N payments.

        Args:
            keys: of the payments, (N,); those that are `ABSENT` do not count.
            times: event times, ms, (N,).
            amounts: minor units or `UNKNOWN`, (N,).
            every_ms: length of a period.
        """
        known = amounts != UNKNOWN
        amount = np.where(known, amounts, 0)
        high, low = square_halves(amount)
        every = np.stack([np.ones_like(amount), known.astype(np.int64), amount, high, low])
        present = keys != ABSENT
        return _summed(keys[present], times[present] // every_ms, every[:, present])

    @staticmethod
    def merge(parts: Sequence["PeriodSums"]) -> "PeriodSums":
        """The sums of all parts."""
        if not parts:
            empty = np.empty(0, dtype=np.int64)
            return PeriodSums(empty, empty, np.empty((len(SUMS), 0), dtype=np.int64))
        keys, periods = (
            np.concatenate([getattr(one, name) for one in parts]) for name in ("keys", "periods")
        )
        return _summed(keys, periods, np.concatenate([one.sums for one in parts], axis=1))

    def table(self) -> pa.Table:
        """As `PERIODS_ARROW`."""
        return pa.table([self.keys, self.periods, *self.sums], schema=PERIODS_ARROW)

    @staticmethod
    def of_table(table: pa.Table) -> "PeriodSums":
        """The inverse of `table`, of rows in any order."""
        keys, periods, *sums = (table[name].to_numpy() for name in PERIODS_ARROW.names)
        return _summed(keys, periods, np.stack(sums))


def _summed(keys: Ints, periods: Ints, sums: Ints) -> PeriodSums:
    order = np.lexsort((periods, keys))
    keys, periods = keys[order], periods[order]
    is_first = np.ones(len(keys), dtype=np.bool_)
    is_first[1:] = (keys[1:] != keys[:-1]) | (periods[1:] != periods[:-1])
    starts = np.flatnonzero(is_first)
    added = np.add.reduceat(sums[:, order], starts, axis=1) if len(starts) else sums[:, :0]
    return PeriodSums(keys[starts], periods[starts], added)
