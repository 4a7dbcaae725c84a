"""How live payments fared: what was caught, missed and falsely flagged, by the truth of the simulator."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fraud.evaluation.metrics import average_precision
from fraud.lake import Lake
from fraud.schema import Prediction

SENT_AT = "sent_at"
"""The column (ms) that only the truth of live payments has."""


@dataclass(frozen=True)
class CaughtOfKind:
    """Frauds of a kind of attack, and how many of them were flagged."""

    caught: int
    frauds: int


@dataclass(frozen=True)
class LiveOutcomes:
    """Counts of live payments that were answered; shares are NaN where there is nothing to share.

    `average_precision` is of the probabilities, whatever the threshold.
    """

    payments: int
    frauds: int
    caught: int
    falsely_flagged: int
    by_kind: Mapping[str, CaughtOfKind]
    average_precision: float

    @property
    def missed(self) -> int:
        """Frauds that were approved."""
        return self.frauds - self.caught

    @property
    def flagged(self) -> int:
        """Alerts, right or not."""
        return self.caught + self.falsely_flagged

    @property
    def precision(self) -> float:
        """The share of the alerts that is fraud."""
        return self.caught / self.flagged if self.flagged else float("nan")

    @property
    def recall(self) -> float:
        """The share of the frauds that is caught."""
        return self.caught / self.frauds if self.frauds else float("nan")


def read_live_truth(lake: Lake) -> pa.Table | None:
    """The truth of every live payment: transaction_id, is_fraud, fraud_type, sent_at; None without any."""
    tables = [lake.read_table(path) for path in lake.list_files("truth")]
    live = [table for table in tables if SENT_AT in table.column_names]
    return pa.concat_tables(live) if live else None


def count_outcomes(truth: pa.Table | None, predictions: Iterable[Prediction]) -> LiveOutcomes:
    """Compare predictions with the truth; those of other payments do not count."""
    kinds = _kinds(truth)
    live = [one for one in predictions if one.transaction_id in kinds]
    kind = np.array([kinds[one.transaction_id] for one in live], dtype=object)
    fraud, flagged = kind != "", np.array([one.decision != "approve" for one in live], dtype=bool)
    scores = np.array([one.score for one in live])
    return LiveOutcomes(
        payments=len(live),
        frauds=int(fraud.sum()),
        caught=int((fraud & flagged).sum()),
        falsely_flagged=int((~fraud & flagged).sum()),
        by_kind={
            str(name): CaughtOfKind(int((flagged & (kind == name)).sum()), int((kind == name).sum()))
            for name in sorted(set(kind[fraud]))
        },
        average_precision=average_precision(fraud.astype(np.int8), scores) if fraud.any() else float("nan"),
    )


def _kinds(truth: pa.Table | None) -> dict[str, str]:
    """By transaction: the kind of fraud, or "" for a genuine payment."""
    if truth is None:
        return {}
    rows = zip(truth["transaction_id"].to_pylist(), truth["is_fraud"].to_pylist(), strict=True)
    types = truth["fraud_type"].to_pylist()
    return {
        name: (kind or "unknown") if fraud else "" for (name, fraud), kind in zip(rows, types, strict=True)
    }
