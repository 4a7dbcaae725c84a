"""Champion against challenger on what both have scored: the same payments, with labels that have matured."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa

from fraud.errors import DataError
from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.gate import ComparedModel, PromotionDecision, decide
from fraud.evaluation.metrics import Evaluation, evaluate
from fraud.features.spec import DAY_MS
from fraud.ingest.commits import day_of
from fraud.kafka.log import read_topic
from fraud.labels.joining import join_labels
from fraud.labels.lake import read_labels, read_maturity
from fraud.labels.progress import Maturity, feed_progress
from fraud.lake import Lake
from fraud.messages.decoding import MessageReader
from fraud.registry.versions import load_bundle
from fraud.schema import Millis, MinorUnits, Probability
from fraud.settings import Settings
from fraud.training.dataset import Dataset, card_codes


class Shadowed(msgspec.Struct, frozen=True, gc=False):
    """What the comparison needs of a `Prediction`."""

    transaction_id: str
    card_id: str
    timestamp: Millis
    amount: MinorUnits
    score: Probability
    threshold: float
    model_version: str
    challenger_version: str | None = None
    challenger_score: Probability | None = None


@dataclass(frozen=True)
class ShadowReport:
    """Two models on the same matured payments.

    Attributes:
        champion: version that decided.
        challenger: version that scored beside it.
        scored: payments that both have scored.
        matured: how many of them are older than the label delay; the figures are of these.
        agreement: share of the payments on which both decide alike, at their own thresholds.
        judgements: the champion's and the challenger's figures; None while nothing has matured.
        verdict: what the gate would say of the challenger; None while nothing has matured.
        labels_note: what a reader must know of the feed of labels, or None.
    """

    champion: str
    challenger: str
    scored: int
    matured: int
    agreement: float
    evaluations: tuple[Evaluation, Evaluation] | None
    verdict: PromotionDecision | None
    labels_note: str | None = None


def compare_in_shadow(settings: Settings, lake: Lake, now_ms: int) -> ShadowReport:
    """Read the predictions of `settings.monitoring.window_days` and judge the newest pair of models.

    Raises:
        DataError: no payment was scored by a challenger.
        UnreachableError: Kafka or MLflow does not answer.
    """
    scored = newest_pair(_read(settings, now_ms))
    if not scored:
        raise DataError(
            f"no prediction of the last {settings.monitoring.window_days} days has a challenger's score; "
            "give a version the alias `challenger` and start serving with FRAUD_SERVING__SHADOW=true"
        )
    challenger = load_bundle(settings, str(scored[0].challenger_version))
    labels = read_labels(lake, day_of(scored[0].timestamp - DAY_MS))
    maturity = read_maturity(lake, scored[-1].timestamp, settings.training.label_delay)
    return judge(settings, scored, labels, challenger.threshold, maturity)


def newest_pair(predictions: Iterable[Shadowed]) -> list[Shadowed]:
    """The predictions of the two versions that answered last together, by event time."""
    ordered = sorted(
        {one.transaction_id: one for one in predictions if one.challenger_score is not None}.values(),
        key=lambda one: one.timestamp,
    )
    pair = [(one.model_version, one.challenger_version) for one in ordered]
    return [one for one, its in zip(ordered, pair, strict=True) if its == pair[-1]]


def judge(
    settings: Settings,
    scored: list[Shadowed],
    labels: pa.Table,
    challenger_threshold: float,
    maturity: Maturity | None = None,
) -> ShadowReport:
    """Both models on those of `scored` (by event time) whose labels have matured.

    Args:
        settings: the label delay, the cost of a review and the k of card precision.
        scored: of one champion and one challenger.
        labels: as `fraud.labels.joining.join_labels` takes them.
        challenger_threshold: the challenger's own; the champion's stands in its predictions.
        maturity: what has matured; default: by the progress of `labels`.
    """
    newest = scored[-1].timestamp
    if maturity is None:
        maturity = Maturity(newest, feed_progress(labels, newest), settings.training.label_delay)
    moment = max(newest, maturity.progress or 0)
    is_matured = maturity.matured(np.array([one.timestamp for one in scored], dtype=np.int64))
    matured = [one for one, ripe in zip(scored, is_matured.tolist(), strict=True) if ripe]
    agreeing = [
        (one.score >= one.threshold) == ((one.challenger_score or 0.0) >= challenger_threshold)
        for one in scored
    ]
    evaluations, verdict = None, None
    if matured:
        evaluations, verdict = _contest(settings, matured, labels, moment, challenger_threshold)
    return ShadowReport(
        champion=scored[-1].model_version,
        challenger=str(scored[-1].challenger_version),
        scored=len(scored),
        matured=len(matured),
        agreement=float(np.mean(agreeing)),
        evaluations=evaluations,
        verdict=verdict,
        labels_note=maturity.sentence(),
    )


def _contest(
    settings: Settings, matured: list[Shadowed], labels: pa.Table, moment: int, challenger_threshold: float
) -> tuple[tuple[Evaluation, Evaluation], PromotionDecision]:
    window, cost = _as_dataset(settings, matured, labels, moment), settings.training.review_cost
    newest = matured[-1]
    champion = ComparedModel(
        f"version {newest.model_version}", np.array([one.score for one in matured]), newest.threshold
    )
    challenger = ComparedModel(
        f"version {newest.challenger_version}",
        np.array([one.challenger_score for one in matured], dtype=np.float64),
        challenger_threshold,
    )
    evaluations = [
        evaluate(window, one.scores, one.threshold, review_cost=cost) for one in (champion, challenger)
    ]
    rules = PromotionRules.of(settings.training)
    verdict = decide(window, champion, challenger, review_cost=cost, rules=rules)
    return (evaluations[0], evaluations[1]), verdict


def _as_dataset(settings: Settings, matured: list[Shadowed], labels: pa.Table, moment: int) -> Dataset:
    """Without features: nothing is scored again."""
    names = ("transaction_id", "card_id", "timestamp")
    payments = pa.table({name: [getattr(one, name) for one in matured] for name in names})
    joined = join_labels(payments, labels, settings.labels, as_of=moment)
    return Dataset(
        rows=np.empty((len(matured), 0), dtype=np.float32),
        labels=joined.history.as_known_at(moment),
        timestamps=np.array([one.timestamp for one in matured], dtype=np.int64),
        amounts=np.array([one.amount for one in matured], dtype=np.int64),
        cards=card_codes(payments["card_id"]),
        identity=payments.drop_columns("timestamp"),
        feature_names=(),
    )


def _read(settings: Settings, now_ms: int) -> Iterable[Shadowed]:
    topic, reader = settings.topics.predictions, MessageReader(Shadowed)
    since = now_ms - settings.monitoring.window_days * DAY_MS
    for batch in read_topic(settings, topic, since):
        yield from filter(None, map(reader.read, batch))
