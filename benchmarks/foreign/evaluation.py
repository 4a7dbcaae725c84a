"""What the predictions on a user's own data were worth, read from the topics and held against the labels."""

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
    """How the predictions of a calendar month did."""

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
class Verdict:
    """Counts over everything that was replayed, quality over the second part; brackets are 95 % intervals."""

    until: int
    transactions: int
    predictions: int
    lost: int
    doubled: int
    dead_letters: int
    judged: int
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
        yield f"judged: from {_date(self.until)} on", f"{self.judged:,}, {self.frauds:,} of them frauds"
        yield "served threshold", ", ".join(f"{threshold:.4f}" for threshold in self.thresholds)
        yield "alerts", f"{self.alerts:,}"
        for name, estimate in self.figures.items():
            yield name, str(estimate)
        dates = self.profile_dates
        oldest, newest = (dates[0], dates[-1]) if dates else ("none", "none")
        yield "profiles scored with", f"{len(dates)} generations, {oldest} to {newest}"
        yield "scored without a profile", f"{self.without_profile:,}"


def judge(settings: Settings, labels: pa.Table, until: int) -> Verdict:
    """Compare what went in with what came out, and the predictions from `until` (ms) on with the labels.

    Args:
        settings: name the topics.
        labels: as `fraud.labels.joining.join_labels` takes them.
        until: where the second part begins.
    """
    sent, answers = count_transactions(settings), read_predictions(settings)
    answered = Counter(answer.transaction_id for answer in answers)
    dead = sum(1 for _ in read_topic(settings, settings.topics.dead_letters))
    judged = [answer for answer in answers if answer.timestamp >= until]
    frauds = _frauds(labels, judged, settings.labels)
    dates = {answer.profile_date for answer in judged}
    return Verdict(
        until=until,
        transactions=len(sent),
        predictions=len(answers),
        lost=max(0, len(sent.keys() - answered.keys()) - dead),
        doubled=len(answers) - len(answered),
        dead_letters=dead,
        judged=len(judged),
        frauds=int(frauds.sum()),
        alerts=sum(answer.decision == "review" for answer in judged),
        thresholds=Counter(answer.threshold for answer in judged),
        served_by=Counter(answer.model_version for answer in judged),
        profile_dates=sorted(date for date in dates if date),
        without_profile=sum(answer.profile_date is None for answer in judged),
        figures=quality(judged, frauds),
        months=list(_months(judged, frauds)),
        models=list_versions(settings),
    )


def _frauds(labels: pa.Table, judged: Sequence[Prediction], rules: LabelSettings) -> Labels:
    names = ("transaction_id", "card_id", "timestamp")
    payments = pa.table({name: [getattr(answer, name) for answer in judged] for name in names})
    reported = as_millis(labels["reported_at"].combine_chunks(), None)
    labels = labels.set_column(labels.column_names.index("reported_at"), "reported_at", reported)
    return join_labels(payments, labels, rules).history.as_known_at(ALWAYS)


def quality(judged: Sequence[Prediction], frauds: Labels) -> dict[str, Estimate]:
    """How well the predictions tell the frauds, shape (N,), and what the amount alone would tell."""
    scored = Ranked.of(frauds, np.array([answer.score for answer in judged]))
    by_amount = Ranked.of(frauds, np.array([float(answer.amount) for answer in judged]))
    flagged = np.array([answer.decision == "review" for answer in judged], dtype=np.float64)
    _, cards = np.unique([answer.card_id for answer in judged], return_inverse=True)
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


def _months(judged: Sequence[Prediction], frauds: Labels) -> Iterator[Month]:
    names = np.array([_date(answer.timestamp)[:7] for answer in judged])
    scores = np.array([answer.score for answer in judged])
    flagged = np.array([answer.decision == "review" for answer in judged], dtype=np.float64)
    unknown = np.array([answer.profile_date is None for answer in judged])
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
