"""Which outcomes of payments were observed, and how many payments each of them stands for.

A payment that was declined never yields a chargeback, whether it was fraud or not; of one that was
challenged nobody knows whether it was abandoned. Without a label its outcome is unobserved, and it is left
out of training and evaluation. Those of the control group that would have been held back stand for all that
were: each counts 1 / P(observed) times, as in the estimator of Horvitz and Thompson (1952).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.decisions.outcomes import Outcome
from fraud.labels.history import ALWAYS
from fraud.labels.precedence import LabelReports

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

HELD_BACK: tuple[Outcome, ...] = ("challenge", "decline")
"""Outcomes after which nothing is heard of a payment unless somebody labels it."""


@dataclass(frozen=True)
class Observation:
    """How the outcomes of N payments were observed.

    Attributes:
        observed_from: the moment (ms) from which a payment's outcome counts as observed, int64 (N,): 0 of a
            payment that was let through, of one that was held back the moment of its first label, `ALWAYS`
            without one.
        weights: how many payments each stands for once it is observed, float64 (N,).
    """

    observed_from: Ints
    weights: Floats

    def known_at(self, moment: int) -> Flags:
        """Which outcomes are observed at `moment` (ms), bool (N,)."""
        return np.asarray(self.observed_from <= moment, dtype=np.bool_)

    def take(self, index: Ints | Flags | slice) -> Self:
        """Of the payments at `index`."""
        return type(self)(self.observed_from[index], self.weights[index])


class DecidedPayment(Protocol):
    """What a prediction says of the decision."""

    @property
    def transaction_id(self) -> str:
        """Of the payment."""

    @property
    def card_id(self) -> str:
        """Of the payment."""

    @property
    def decision(self) -> Outcome:
        """The outcome."""

    @property
    def would_be(self) -> Outcome | None:
        """The outcome without the control group."""

    @property
    def control_share(self) -> float | None:
        """The share of the cards in the control group."""


_DECIDED = pa.schema(
    [
        ("transaction_id", pa.string()), ("card_id", pa.string()), ("decision", pa.string()),
        ("would_be", pa.string()), ("control_share", pa.float64()),
    ]
)  # fmt: skip


def decided_table(predictions: Iterable[DecidedPayment]) -> pa.Table:
    """The decisions of predictions, as `observe` takes them, without payments approved as any other."""
    chosen = [one for one in predictions if (one.would_be or one.decision) != "approve"]
    return pa.table([[getattr(one, name) for one in chosen] for name in _DECIDED.names], schema=_DECIDED)


@dataclass(frozen=True)
class ObservedShare:
    """How much of N payments was observed; `effective` of the weights (Kish 1965).

    Attributes:
        payments: N, observed or not.
        unobserved: held back and without a label.
        labelled: held back, yet observed, by a label.
        control: of the control group, which stand for others.
        represented: payments that the control group stands for.
        effective: how many payments of equal weights give figures as certain as the observed ones do.
    """

    payments: int
    unobserved: int
    labelled: int
    control: int
    represented: float
    effective: float

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for who reads figures of these payments; none where everything was observed."""
        if not self.unobserved and not self.control:
            return ()
        held = (
            f"{self.unobserved} of {self.payments} payments were declined or challenged and have no label: "
            "their outcomes are unobserved, and they are left out"
        )
        if not self.control:
            return (
                f"{held}; no payment of a control group stands for them, so every figure is of the payments "
                "that were let through; set control_group in the policy",
            )
        return (
            f"{held}; {self.control} payments of the control group, {self.control / self.represented:.2%} of "
            f"those held back, stand for {self.represented:.0f}; the rows weigh as much as "
            f"{self.effective:.0f} of equal weight",
        )


def observe(payments: pa.Table, decisions: pa.Table, reports: LabelReports) -> Observation | None:
    """How the outcomes of payments were observed; None where all of them were, each for itself.

    Args:
        payments: transaction_id and card_id, N rows.
        decisions: transaction_id, card_id, decision, would_be and control_share; of several on a payment the
            first counts. A payment without one was let through.
        reports: the labels of these payments (`fraud.labels.joining.JoinedLabels.reports`). Any
            label counts, whatever it says: somebody knew the outcome.
    """
    rows, places = _find(payments, decisions)
    first_decisions = decisions.take(pa.array(places))
    is_held = _flags(_is_in(first_decisions["decision"], HELD_BACK))
    shares = first_decisions["control_share"]
    is_control = _flags(_is_in(first_decisions["would_be"], HELD_BACK)) & _flags(pc.greater(shares, 0))
    held_rows, control_rows = rows[is_held], rows[is_control]
    if not len(held_rows) and not len(control_rows):
        return None
    observed_from = np.zeros(payments.num_rows, dtype=np.int64)
    observed_from[held_rows] = ALWAYS
    first = np.full(payments.num_rows, ALWAYS, dtype=np.int64)
    np.minimum.at(first, reports.rows, reports.reported_at)
    weights = np.ones(payments.num_rows)
    weights[control_rows] = 1 / shares.to_numpy()[is_control]
    return Observation(np.minimum(observed_from, first), weights)


def summarise_observation(observation: Observation, moment: int) -> ObservedShare:
    """How much of the payments was observed at `moment` (ms)."""
    is_observed = observation.known_at(moment)
    is_control = is_observed & (observation.weights > 1)
    weights = observation.weights[is_observed]
    return ObservedShare(
        payments=len(is_observed),
        unobserved=int((~is_observed).sum()),
        labelled=int((is_observed & (observation.observed_from > 0)).sum()),
        control=int(is_control.sum()),
        represented=float(observation.weights[is_control].sum()),
        effective=float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0,
    )


def payment_keys(cards: pa.Array | pa.ChunkedArray, ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A key for each payment, text (N,): payments of two cards may have the same transaction_id."""
    return pc.binary_join_element_wise(cards.cast(pa.string()), ids.cast(pa.string()), "\0")


def _find(payments: pa.Table, decisions: pa.Table) -> tuple[Ints, Ints]:
    """The payments on which there is a decision, and the first decision on each, as indices."""
    if not decisions.num_rows:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    # Few payments have one; only these get a key.
    named = pc.is_in(
        payments["transaction_id"].cast(pa.string()), value_set=_flat(decisions["transaction_id"])
    )
    rows = np.flatnonzero(named.to_numpy(zero_copy_only=False))
    chosen = payments.select(["card_id", "transaction_id"]).take(pa.array(rows))
    keys = payment_keys(chosen["card_id"], chosen["transaction_id"])
    known = _flat(payment_keys(decisions["card_id"], decisions["transaction_id"]))
    found = pc.fill_null(pc.index_in(keys, value_set=known), -1).to_numpy(zero_copy_only=False)
    return rows[found >= 0], np.asarray(found[found >= 0], dtype=np.int64)


def _is_in(column: pa.ChunkedArray, values: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.is_in(column.cast(pa.string()), value_set=pa.array(values))


def _flags(column: pa.ChunkedArray) -> Flags:
    """Unknown counts as false."""
    return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=np.bool_)


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
