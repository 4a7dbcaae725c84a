"""Comparison of champion and challenger on the payments that both scored, with matured labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter

import msgspec
import numpy as np
import pyarrow as pa

from fraud.decisions.outcomes import Outcome
from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.gate import ComparedModel, PromotionDecision, decide
from fraud.evaluation.metrics import Evaluation, evaluate
from fraud.ingest.commits import day_of
from fraud.kafka.log import read_topic
from fraud.labels.joining import join_labels
from fraud.labels.lake import read_labels, read_maturity
from fraud.labels.observation import decided_table, observe
from fraud.labels.progress import Maturity, feed_progress
from fraud.lake import Lake
from fraud.messages.decoding import MessageReader
from fraud.registry.trust.loading import fetch_once_promoted
from fraud.schema import Millis, MinorUnits, Probability
from fraud.settings import Settings
from fraud.training.dataset import Dataset, card_codes


class ShadowPrediction(msgspec.Struct, frozen=True, gc=False):
    """The fields of a `Prediction` that the comparison reads."""

    transaction_id: str
    card_id: str
    timestamp: Millis
    amount: MinorUnits
    score: Probability
    threshold: float
    model_version: str
    challenger_version: str | None = None
    challenger_score: Probability | None = None
    amount_base: MinorUnits | None = None
    decision: Outcome = "approve"
    would_be: Outcome | None = None
    control_share: Probability | None = None
    currency: str = ""


@dataclass(frozen=True)
class ShadowReport:
    """Champion and challenger on the same payments.

    Attributes:
        champion: version of the model whose decision counts.
        challenger: version of the model that scored in shadow.
        scored: how many payments both scored.
        matured: how many of them have matured labels; the evaluations cover these.
        agreement: share of the scored payments on which both decide the same, each by its own threshold.
        evaluations: the champion's and the challenger's; None while nothing has matured.
        decision: of the promotion gate on the challenger; None while nothing has matured.
        labels_note: a warning about the label feed, or None.
        challenger_threshold: the threshold at which the challenger would decide `review`.
        currency: of money; empty where payments are of several.
    """

    champion: str
    challenger: str
    scored: int
    matured: int
    agreement: float
    evaluations: tuple[Evaluation, Evaluation] | None
    decision: PromotionDecision | None
    labels_note: str | None = None
    challenger_threshold: float | None = None
    currency: str = ""


def compare_shadow(settings: Settings, lake: Lake, now_ms: int) -> ShadowReport:
    """Compare the newest pair of models on the predictions of `settings.monitoring.window_days`.

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
    challenger = fetch_once_promoted(settings, str(scored[0].challenger_version))
    labels = read_labels(lake, day_of(scored[0].timestamp - DAY_MS))
    maturity = read_maturity(lake, scored[-1].timestamp, settings.training.label_delay)
    return compare_models(settings, scored, labels, challenger.threshold, maturity)


def newest_pair(predictions: Iterable[ShadowPrediction]) -> list[ShadowPrediction]:
    """The predictions of the newest pair of champion and challenger versions, by event time."""
    ordered = sorted(
        {one.transaction_id: one for one in predictions if one.challenger_score is not None}.values(),
        key=lambda one: one.timestamp,
    )
    pairs = [(one.model_version, one.challenger_version) for one in ordered]
    return [one for one, versions in zip(ordered, pairs, strict=True) if versions == pairs[-1]]


def compare_models(
    settings: Settings,
    scored: list[ShadowPrediction],
    labels: pa.Table,
    challenger_threshold: float,
    maturity: Maturity | None = None,
) -> ShadowReport:
    """Compare both models on those of `scored` (by event time) whose labels have matured.

    Args:
        settings: label delay, review cost and promotion rules.
        scored: predictions of one champion and one challenger, ascending by event time.
        labels: as `fraud.labels.joining.join_labels` takes them.
        challenger_threshold: of the challenger's bundle; each prediction contains the champion's.
        maturity: which payments have matured; by default computed from `labels`.
    """
    newest = scored[-1].timestamp
    if maturity is None:
        maturity = Maturity(newest, feed_progress(labels, newest), settings.training.label_delay)
    moment = max(newest, maturity.progress or 0)
    is_matured = maturity.matured(np.array([one.timestamp for one in scored], dtype=np.int64))
    matured = list(compress(scored, is_matured))
    agreements = [
        (one.score >= one.threshold) == ((one.challenger_score or 0.0) >= challenger_threshold)
        for one in scored
    ]
    evaluations, decision = None, None
    if matured:
        evaluations, decision = _evaluate_pair(settings, matured, labels, moment, challenger_threshold)
    return ShadowReport(
        champion=scored[-1].model_version,
        challenger=str(scored[-1].challenger_version),
        scored=len(scored),
        matured=len(matured),
        agreement=float(np.mean(agreements)),
        evaluations=evaluations,
        decision=decision,
        labels_note=maturity.warning(),
        challenger_threshold=challenger_threshold,
        currency=_currency(settings, scored),
    )


def _currency(settings: Settings, scored: list[ShadowPrediction]) -> str:
    """The base currency, else the only one that was paid in; empty for several."""
    if settings.loaded_definitions.money:
        return settings.loaded_definitions.money.code
    paid = {one.currency for one in scored}
    return paid.pop() if len(paid) == 1 else ""


def _evaluate_pair(
    settings: Settings,
    matured: list[ShadowPrediction],
    labels: pa.Table,
    moment: int,
    challenger_threshold: float,
) -> tuple[tuple[Evaluation, Evaluation], PromotionDecision]:
    window, cost = _as_dataset(settings, matured, labels, moment), settings.training.review_cost
    if window.observation is not None:
        matured = list(compress(matured, window.observation.known_at(moment)))
        window = window.observed_at(moment)
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
    decision = decide(window, champion, challenger, review_cost=cost, rules=rules)
    return (evaluations[0], evaluations[1]), decision


def _as_dataset(
    settings: Settings, matured: list[ShadowPrediction], labels: pa.Table, moment: int
) -> Dataset:
    """The payments with labels and without features, which the evaluation does not need."""
    names, base = ("transaction_id", "card_id", "timestamp", "currency"), settings.loaded_definitions.money
    amount = _base_amount if base else attrgetter("amount")
    payments = pa.table({name: [getattr(one, name) for one in matured] for name in names})
    joined = join_labels(payments, labels, settings.labels, as_of=moment)
    return Dataset(
        rows=np.empty((len(matured), 0), dtype=np.float32),
        labels=joined.history.as_known_at(moment),
        timestamps=np.array([one.timestamp for one in matured], dtype=np.int64),
        amounts=np.array([amount(one) for one in matured], dtype=np.int64),
        cards=card_codes(payments["card_id"]),
        identity=payments.drop_columns("timestamp"),
        feature_names=(),
        observation=observe(payments, decided_table(matured), joined.reports),
        base=base.code if base else None,
    )


def _base_amount(one: ShadowPrediction) -> int:
    """0 without a rate."""
    return one.amount_base or 0


def _read(settings: Settings, now_ms: int) -> Iterable[ShadowPrediction]:
    topic, reader = settings.topics.predictions, MessageReader(ShadowPrediction)
    since = now_ms - settings.monitoring.window_days * DAY_MS
    for batch in read_topic(settings, topic, since):
        yield from filter(None, map(reader.read, batch))
