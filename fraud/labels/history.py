"""Label history of N payments: each change of a label, and the label as known at any moment."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int8]

ALWAYS = np.iinfo(np.int64).max
"""A moment after every report, ms."""


@dataclass(frozen=True)
class FraudSpans:
    """The periods in which payments were labelled fraud, ordered by payment and time; S periods.

    Attributes:
        rows: index of the payment, 0 to N - 1, int64 (S,).
        first_reported: when the payment was first reported as fraud, ms, int64 (S,).
        since: start of the period, ms, int64 (S,); later than `first_reported` only after a label that was
            revoked and reported again.
        until: when the label was revoked, ms, int64 (S,); `ALWAYS` where it was not.
    """

    rows: Ints
    first_reported: Ints
    since: Ints
    until: Ints


@dataclass(frozen=True)
class LabelHistory:
    """Every change of the labels of N payments. Before its first change a payment is legitimate.

    Attributes:
        length: N.
        rows: index of the payment, 0 to N - 1, int64 (C,), ascending.
        changed_at: when the change was reported, ms, int64 (C,), ascending within a payment.
        is_fraud: the label from then on, bool (C,), alternating within a payment, fraud first.
    """

    length: int
    rows: Ints
    changed_at: Ints
    is_fraud: Flags

    def as_known_at(self, moment: int) -> Labels:
        """The labels known at `moment` (ms), reports of that millisecond included: int8 (N,), 1 = fraud."""
        known = self.changed_at <= moment
        labels = np.zeros(self.length, dtype=np.int8)
        # With several changes of one payment NumPy assigns the last one, which is the latest.
        labels[self.rows[known]] = self.is_fraud[known]
        return labels

    def first_reported(self, moment: int) -> Ints:
        """When the frauds known at `moment` (ms) were first reported, ms, int64 (N,); 0 for others."""
        known = self.is_fraud & (self.changed_at <= moment)
        first = np.zeros(self.length, dtype=np.int64)
        # In reverse, so that the earliest is assigned last.
        first[self.rows[known][::-1]] = self.changed_at[known][::-1]
        return np.where(self.as_known_at(moment) == 1, first, 0)

    def fraud_spans(self) -> FraudSpans:
        """The periods in which each payment was labelled fraud."""
        until = np.full(len(self.rows), ALWAYS, dtype=np.int64)
        is_same_payment = self.rows[1:] == self.rows[:-1]
        until[:-1][is_same_payment] = self.changed_at[1:][is_same_payment]
        fraud = np.flatnonzero(self.is_fraud)
        rows, since = self.rows[fraud], self.changed_at[fraud]
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        return FraudSpans(rows, since[first][inverse], since, until[fraud])

    def until(self, moment: int) -> Self:
        """The history without the reports after `moment` (ms)."""
        return self._select(self.changed_at <= moment)

    def between(self, start: int, stop: int) -> Self:
        """The history of the payments `start` to `stop` (exclusive), without copying."""
        first, last = np.searchsorted(self.rows, [start, stop])
        part = slice(int(first), int(last))
        return replace(
            self,
            length=stop - start,
            rows=self.rows[part] - start,
            changed_at=self.changed_at[part],
            is_fraud=self.is_fraud[part],
        )

    def take(self, index: Ints) -> Self:
        """The history of the payments at `index`, each at most once, in any order."""
        position = np.full(self.length, -1, dtype=np.int64)
        position[index] = np.arange(len(index))
        moved = position[self.rows]
        order = np.argsort(moved, kind="stable")
        order = order[moved[order] >= 0]
        return replace(
            self,
            length=len(index),
            rows=moved[order],
            changed_at=self.changed_at[order],
            is_fraud=self.is_fraud[order],
        )

    def _select(self, selected: Flags) -> Self:
        return replace(
            self,
            rows=self.rows[selected],
            changed_at=self.changed_at[selected],
            is_fraud=self.is_fraud[selected],
        )


def unlabelled(length: int) -> LabelHistory:
    """The history of `length` payments without a report."""
    empty = np.empty(0, dtype=np.int64)
    return LabelHistory(length, empty, empty, np.empty(0, dtype=np.bool_))
