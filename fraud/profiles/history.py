"""Profiles of a field at any moment, from running totals: the point-in-time join, and what is published."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.layout import ProfileColumn, Quantity
from fraud.profiles.payments import SUMS, PeriodSums

Ints = npt.NDArray[np.int64]

NEVER = -1
"""Instead of the period of a first payment."""

_QUANTITY_OF_SUM = {Quantity(name): number for number, name in enumerate(SUMS)}


class ProfileHistory:
    """The profiles of one field.

    Payments and changes of fraud counts are sorted by key and time; a window's figures are the difference of
    two running totals, each found by a binary search.
    """

    def __init__(self, payments: PeriodSums, frauds: FraudPeriods, columns: Sequence[ProfileColumn]) -> None:
        self._columns = tuple(columns)
        self.keys = np.unique(np.concatenate([payments.keys, frauds.keys]))
        """Every key of which anything is known, ascending."""
        self._periods = payments.periods
        self._line = _Line(self.keys, payments.periods)
        self._payments = self._line.positions(payments.keys, payments.periods)
        self._totals = np.zeros((len(SUMS), len(payments) + 1), dtype=np.int64)
        np.cumsum(payments.sums, axis=1, out=self._totals[:, 1:])
        windows = {one.window for one in self._columns if one.quantity is Quantity.FRAUDS}
        self._frauds = {window: _Changes.of(frauds, window, self.keys) for window in windows}

    def at(self, keys: Ints, moments: Ints) -> Ints:
        """The profiles of keys at moments.

        Args:
            keys: (n,); of one that is not known all figures are 0.
            moments: counted in periods since 1970, (n,).

        Returns:
            Int64 (n, C), a column for each of the layout.
        """
        figures = np.empty((len(keys), len(self._columns)), dtype=np.int64)
        ends = np.searchsorted(self._payments, self._line.positions(keys, moments))
        for number, column in enumerate(self._columns):
            if column.quantity is Quantity.FRAUDS:
                figures[:, number] = self._frauds[column.window].at(keys, moments)
                continue
            starts = np.searchsorted(self._payments, self._line.positions(keys, moments - column.window))
            if column.quantity is Quantity.FIRST:
                figures[:, number] = self._first(starts, ends)
            else:
                totals = self._totals[_QUANTITY_OF_SUM[column.quantity]]
                figures[:, number] = totals[ends] - totals[starts]
        return figures

    def _first(self, starts: Ints, ends: Ints) -> Ints:
        first = np.full(len(starts), NEVER, dtype=np.int64)
        some = starts < ends
        first[some] = self._periods[starts[some]]
        return first


class _Line:
    """Keys and periods as positions on one line: all periods of the first key, then of the second, ..."""

    def __init__(self, keys: Ints, periods: Ints) -> None:
        self._keys = keys
        # With a step before period 0 and one behind the last, for the moments outside.
        self._length = int(periods.max(initial=0)) + 3

    def positions(self, keys: Ints, periods: Ints) -> Ints:
        """Their positions; of a key that is not known the one before all."""
        index = np.searchsorted(self._keys, keys)
        known = index < len(self._keys)
        known[known] = self._keys[index[known]] == keys[known]
        steps = np.clip(periods + 1, 0, self._length - 1)
        return np.asarray(np.where(known, index * self._length + steps, -1), dtype=np.int64)


class _Changes:
    """The number of frauds in one window, by key and moment."""

    def __init__(self, line: _Line, places: Ints, totals: Ints) -> None:
        self._line, self._places, self._totals = line, places, totals

    @classmethod
    def of(cls, frauds: FraudPeriods, window: int, keys: Ints) -> "_Changes":
        """A fraud counts from the moment after its report, while it stands and is in the window."""
        enters, leaves = frauds.since + 1, np.minimum(frauds.until, frauds.reported + window) + 1
        seen = leaves > enters
        moments = np.concatenate([enters[seen], leaves[seen]])
        line = _Line(keys, moments)
        places = line.positions(np.concatenate([frauds.keys[seen]] * 2), moments)
        order = np.argsort(places, kind="stable")
        changes = np.concatenate([np.ones(seen.sum(), dtype=np.int64), -np.ones(seen.sum(), dtype=np.int64)])
        return cls(line, places[order], np.concatenate([[0], np.cumsum(changes[order])]))

    def at(self, keys: Ints, moments: Ints) -> Ints:
        """How many stand for keys (n,) at moments (n,)."""
        places = self._line.positions(keys, moments)
        # Changes at the moment itself count.
        return np.asarray(self._totals[np.searchsorted(self._places, places, side="right")], dtype=np.int64)
