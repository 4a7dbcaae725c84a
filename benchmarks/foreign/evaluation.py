"""Quality of the predictions on a user's own data, read from the topics and compared with the labels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from deployments.demo.result import count_transactions, read_predictions, read_topic
from fraud.evaluation.metrics import Estimate, Floats, Labels, Ranked, bootstrap_by_card
from fraud.labels.history import ALWAYS
from fraud.labels.joining import join_labels
from fraud.registry.versions import RegisteredVersion, list_versions
from fraud.schema import Prediction
from fraud.settings import LabelSettings, Settings
from producer.replay.rows.values import as_millis

_DRAWS = 500
_SEED = 7


@dataclass(frozen=True)
class Month:
    """Quality of the predictions of a calendar month."""

    name: str
    transactions: int
    without_profile: float
    frauds: int
    alerts: int
    average_precision: float
    precision: float
    recall: float

    def __str__(self) -> str:
        """A row of a Markdown table."""
        return (
            f"| {self.name} | {self.transactions:,} | {self.without_profile:.0%} | {self.frauds:,} "
            f"| {self.alerts:,} | {self.average_precision:.3f} | {self.precision:.3f} | {self.recall:.3f} |"
        )


@dataclass(frozen=True)
class ForeignDataResult:
    """Counts over everything that was replayed, quality over the second part; brackets are 95 % intervals."""

    until: int
    transactions: int
    predictions: int
    lost: int
    doubled: int
    dead_letters: int
    evaluated: int
    frauds: int
    alerts: int
    thresholds: Mapping[float, int]
    served_by: Mapping[str, int]
    profile_dates: Sequence[str]
    without_profile: int
    figures: Mapping[str, Estimate]
    months: Sequence[Month]
    models: Sequence[RegisteredVersion]

    @property
    def complete(self) -> bool:
        """Whether every transaction has exactly one prediction, or is a dead letter."""
        return self.lost == 0 and self.doubled == 0

    def rows(self) -> Iterator[tuple[str, str]]:
        """Names and values for a table."""
        yield "transactions in", f"{self.transactions:,}"
        yield "predictions out", f"{self.predictions:,} (lost {self.lost}, doubled {self.doubled})"
        yield "dead letters", f"{self.dead_letters:,}"
        yield "model versions", f"{len(self.models)} registered; {_counts('version', self.served_by)}"
        for model in self.models:
            known = ", ".join(
                f"{name.replace('_', ' ')} {model.metrics.get(f'test_{name}', float('nan')):.3f}"
                for name in ("average_precision", "precision", "recall")
            )
            yield f"version {model.version} on its own test days, before the cut", known
        yield f"evaluated: from {_date(self.until)} on", f"{self.evaluated:,}, {self.frauds:,} of them frauds"
        yield "served threshold", ", ".join(f"{threshold:.4f}" for threshold in self.thresholds)
        yield "alerts", f"{self.alerts:,}"
        for name, estimate in self.figures.items():
            yield name, str(estimate)
        dates = self.profile_dates
        oldest, newest = (dates[0], dates[-1]) if dates else ("none", "none")
        yield "profiles scored with", f"{len(dates)} versions, {oldest} to {newest}"
        yield "scored without a profile", f"{self.without_profile:,}"


def evaluate_predictions(settings: Settings, labels: pa.Table, until: int) -> ForeignDataResult:
    """Compare transactions with predictions, and predictions from `until` (ms) on with the labels.

    Args:
        settings: name the topics.
        labels: as `fraud.labels.joining.join_labels` takes them.
        until: start of the second part, ms.
    """
    sent, predictions = count_transactions(settings), read_predictions(settings)
    counts_by_id = Counter(one.transaction_id for one in predictions)
    dead = sum(1 for _ in read_topic(settings, settings.topics.dead_letters))
    evaluated = [one for one in predictions if one.timestamp >= until]
    frauds = _frauds(labels, evaluated, settings.labels)
    dates = {one.profile_date for one in evaluated}
    return ForeignDataResult(
        until=until,
        transactions=len(sent),
        predictions=len(predictions),
        lost=max(0, len(sent.keys() - counts_by_id.keys()) - dead),
        doubled=len(predictions) - len(counts_by_id),
        dead_letters=dead,
        evaluated=len(evaluated),
        frauds=int(frauds.sum()),
        alerts=sum(one.decision != "approve" for one in evaluated),
        thresholds=Counter(one.threshold for one in evaluated),
        served_by=Counter(one.model_version for one in evaluated),
        profile_dates=sorted(date for date in dates if date),
        without_profile=sum(one.profile_date is None for one in evaluated),
        figures=quality(evaluated, frauds),
        months=list(_months(evaluated, frauds)),
        models=list_versions(settings),
    )


def _frauds(labels: pa.Table, evaluated: Sequence[Prediction], rules: LabelSettings) -> Labels:
    names = ("transaction_id", "card_id", "timestamp")
    payments = pa.table({name: [getattr(one, name) for one in evaluated] for name in names})
    reported = as_millis(labels["reported_at"].combine_chunks(), None)
    labels = labels.set_column(labels.column_names.index("reported_at"), "reported_at", reported)
    return join_labels(payments, labels, rules).history.as_known_at(ALWAYS)


def quality(evaluated: Sequence[Prediction], frauds: Labels) -> dict[str, Estimate]:
    """Metrics of the predictions against the labels, shape (N,), and of ranking by the amount alone."""
    scored = Ranked.of(frauds, np.array([one.score for one in evaluated]))
    by_amount = Ranked.of(frauds, np.array([float(one.amount) for one in evaluated]))
    flagged = np.array([one.decision != "approve" for one in evaluated], dtype=np.float64)
    _, cards = np.unique([one.card_id for one in evaluated], return_inverse=True)
    return bootstrap_by_card(
        cards.astype(np.int64),
        {
            "average precision": scored.average_precision,
            "AUC": scored.auc,
            "precision at the served threshold": lambda w: _share(w * flagged * frauds, w * flagged),
            "recall at the served threshold": lambda w: _share(w * flagged * frauds, w * frauds),
            "average precision of the amount rule": by_amount.average_precision,
            "share of frauds": lambda w: _share(w * frauds, w),
        },
        draws=_DRAWS,
        seed=_SEED,
    )


def _months(evaluated: Sequence[Prediction], frauds: Labels) -> Iterator[Month]:
    names = np.array([_date(one.timestamp)[:7] for one in evaluated])
    scores = np.array([one.score for one in evaluated])
    flagged = np.array([one.decision != "approve" for one in evaluated], dtype=np.float64)
    unknown = np.array([one.profile_date is None for one in evaluated])
    for name in np.unique(names):
        of = names == name
        truth, alerts = frauds[of], flagged[of]
        yield Month(
            name=str(name),
            transactions=int(of.sum()),
            without_profile=float(unknown[of].mean()),
            frauds=int(truth.sum()),
            alerts=int(alerts.sum()),
            average_precision=Ranked.of(truth, scores[of]).average_precision(),
            precision=_share(alerts * truth, alerts),
            recall=_share(alerts * truth, truth.astype(np.float64)),
        )


def _share(part: Floats, whole: Floats) -> float:
    total = float(whole.sum())
    return float(part.sum()) / total if total else float("nan")


def _counts(noun: str, counted: Mapping[str, int]) -> str:
    return ", ".join(f"{noun} {name} served {count:,}" for name, count in sorted(counted.items()))


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).strftime("%Y-%m-%d")
