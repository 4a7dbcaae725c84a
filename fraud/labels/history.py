"""The labels of N payments over time: each change of a label, and the label as known at any moment."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int8]

ALWAYS = np.iinfo(np.int64).max
"""Later than any report."""


@dataclass(frozen=True)
class FraudSpans:
    """When payments counted as fraud; one row for each stretch of time, ordered by payment and time.

    Attributes:
        rows: the payment's place among N, int64 (S,).
        first_reported: when the payment was first reported as fraud, ms, int64 (S,).
        since: from when on the label was fraud, ms, int64 (S,); later than `first_reported` only where it was
            revoked and reported again.
        until: when it was revoked, ms, int64 (S,); `ALWAYS` where it stands.
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
        rows: the payment's place among N, int64 (C,), ascending.
        changed_at: when it was reported, ms, int64 (C,), ascending within a payment.
        is_fraud: what the label is from then on, bool (C,), alternating within a payment, fraud first.
    """

    length: int
    rows: Ints
    changed_at: Ints
    is_fraud: Flags

    def as_known_at(self, moment: int) -> Labels:
        """The labels known at `moment` (ms), reports of that millisecond included: int8 (N,), 1 = fraud."""
        known = self.changed_at <= moment
        labels = np.zeros(self.length, dtype=np.int8)
        # Of several changes of one payment NumPy keeps the last assigned, which is the latest.
        labels[self.rows[known]] = self.is_fraud[known]
        return labels

    def first_reported(self, moment: int) -> Ints:
        """When the frauds known at `moment` (ms) were first reported, ms, int64 (N,); 0 for the others."""
        known = self.is_fraud & (self.changed_at <= moment)
        first = np.zeros(self.length, dtype=np.int64)
        # In reverse, so that the earliest is assigned last.
        first[self.rows[known][::-1]] = self.changed_at[known][::-1]
        return np.where(self.as_known_at(moment) == 1, first, 0)

    def fraud_spans(self) -> FraudSpans:
        """When each payment counted as fraud."""
        until = np.full(len(self.rows), ALWAYS, dtype=np.int64)
        goes_on = self.rows[1:] == self.rows[:-1]
        until[:-1][goes_on] = self.changed_at[1:][goes_on]
        fraud = np.flatnonzero(self.is_fraud)
        rows, since = self.rows[fraud], self.changed_at[fraud]
        _, first, place = np.unique(rows, return_index=True, return_inverse=True)
        return FraudSpans(rows, since[first][place], since, until[fraud])

    def until(self, moment: int) -> Self:
        """The same without what was reported after `moment` (ms)."""
        return self._chosen(self.changed_at <= moment)

    def between(self, start: int, stop: int) -> Self:
        """Of the payments from place `start` to before `stop`, without copying."""
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
        """Of the payments at `index`, each at most once, in any order."""
        place = np.full(self.length, -1, dtype=np.int64)
        place[index] = np.arange(len(index))
        moved = place[self.rows]
        order = np.argsort(moved, kind="stable")
        order = order[moved[order] >= 0]
        return replace(
            self,
            length=len(index),
            rows=moved[order],
            changed_at=self.changed_at[order],
            is_fraud=self.is_fraud[order],
        )

    def _chosen(self, chosen: Flags) -> Self:
        return replace(
            self,
            rows=self.rows[chosen],
            changed_at=self.changed_at[chosen],
            is_fraud=self.is_fraud[chosen],
        )


def unlabelled(length: int) -> LabelHistory:
    """Of payments that nobody has reported."""
    nothing = np.empty(0, dtype=np.int64)
    return LabelHistory(length, nothing, nothing, np.empty(0, dtype=np.bool_))
