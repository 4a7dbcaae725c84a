"""Evaluate the model in service, and save the report in the lake and in MLflow."""

from typing import Any

import mlflow
import pyarrow as pa

from fraud.definitions.features import DAY_MS
from fraud.evaluation.missed_fraud import Flags, MissedFraud, estimate_missed
from fraud.features.daily import day_number
from fraud.ingest.commits import day_of
from fraud.labels.joining import UnusedLabels, join_labels, reported_by
from fraud.labels.lake import read_labels, read_maturity
from fraud.labels.observation import observe, summarise_observation
from fraud.labels.progress import Maturity
from fraud.lake import Lake
from fraud.monitoring.champion_drift import check_drift
from fraud.monitoring.consistency import Consistency, compare_features
from fraud.monitoring.inputs import offline_rows
from fraud.monitoring.moment_freshness import moment_freshness
from fraud.monitoring.notes import Notes
from fraud.monitoring.performance import (
    Outcomes,
    busy_days,
    by_day,
    by_outcome,
    by_rule,
    calibration,
    count_matured,
    label_delays,
)
from fraud.monitoring.predictions import Predictions
from fraud.monitoring.report import MonitoringReport, as_daily_metrics, as_document, as_metrics
from fraud.registry.aliases import CHAMPION, load_alias
from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.settings import Settings
from fraud.training.splits import milliseconds

FOLDER = "monitoring"


def load_champion(settings: Settings) -> ModelBundle | None:
    """Load the model with the alias `champion`, None without one.

    Raises:
        IncompatibleModelError: it wants features that nothing computes.
        UnreachableError: MLflow does not answer.
    """
    return load_alias(settings, CHAMPION)


def build_report(
    settings: Settings,
    lake: Lake,
    predictions: Predictions,
    champion: ModelBundle | None,
    now_ms: int,
    capacity: int | None = None,
) -> MonitoringReport:
    """Evaluate the predictions against the labels and training rows of the lake.

    Missing data is no error: the report's notes name it.

    Args:
        settings: the limits, the label delay and the allowed lateness.
        lake: with or without labels and training rows.
        predictions: those of the monitored days.
        champion: the model whose training rows are the reference and whose test gives the expected recall.
        now_ms: the report's time when there is neither a prediction nor a label, ms UTC.
        capacity: reviews a day that analysts can do, None if that is not stated.

    Raises:
        DataError: a file of the lake is broken.
    """
    notes = Notes()
    notes.add(
        "no model has the alias champion; there is no reference for drift and recall", when=not champion
    )
    notes.add(f"{predictions.unreadable} messages are no predictions", when=predictions.unreadable > 0)
    notes.add(
        f"only the newest {len(predictions)} predictions were read (FRAUD_MONITORING__MAX_PREDICTIONS)",
        when=predictions.cut,
    )
    notes.add(
        f"{predictions.other_definitions} predictions have features that other definitions computed; they "
        f"are not compared with those of {settings.loaded_definitions.source}",
        when=predictions.other_definitions > 0,
    )
    if not len(predictions):
        notes.add("there are no predictions yet")
        return _empty(now_ms, champion, notes)
    return _evaluate(settings, lake, predictions, champion, notes, capacity)


def store_report(settings: Settings, lake: Lake, report: MonitoringReport) -> str:
    """Write the report to the lake and log it to MLflow; returns its path in the lake.

    The lake holds the last report of each day, MLflow all of them.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    document: dict[str, Any] = as_document(report, settings.monitoring)
    path = f"{FOLDER}/{report.date}.json"
    lake.write_json(document, path)
    experiment = experiment_id(_monitoring_settings(settings))
    name = f"{settings.registry.model_name} version {report.model_version or 'none'}, {report.date}"
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment, run_name=name):
        model = {"model_version": report.model_version, "model_digest": report.model_digest}
        mlflow.log_params({"date": report.date} | {name: value or "none" for name, value in model.items()})
        mlflow.log_metrics(as_metrics(report))
        for number, (day, figures) in enumerate(as_daily_metrics(report).items()):
            mlflow.log_metrics(figures, step=number, timestamp=day_number(day) * DAY_MS)
        mlflow.log_dict(document, "report.json")
    return path


def _evaluate(
    settings: Settings,
    lake: Lake,
    predictions: Predictions,
    champion: ModelBundle | None,
    notes: Notes,
    capacity: int | None,
) -> MonitoringReport:
    newest = int(predictions.timestamps.max())
    maturity = read_maturity(lake, newest, settings.training.label_delay)
    moment = max(newest, maturity.progress or 0)
    labels = _labels(lake, predictions)
    joined = join_labels(predictions.payments, labels, settings.labels, as_of=moment)
    _note_labels(notes, maturity, joined.unused)
    frauds = joined.history.as_known_at(moment) == 1
    observation = observe(predictions.payments, predictions.decisions, joined.reports)
    if observation is not None:
        for note in summarise_observation(observation, moment).notes:
            notes.add(note)
    outcomes = Outcomes.of(predictions.flagged, frauds, observation, moment)
    # What the model flags at its own threshold, since that is what its test set says.
    of_model = Outcomes.of(predictions.by_model, frauds, observation, moment)
    matured = maturity.matured(predictions.timestamps)
    by_champion = matured & predictions.of_model(champion)
    notes.add(
        "no prediction of the champion has matured yet", when=champion is not None and not by_champion.any()
    )
    features, score = check_drift(settings, lake, predictions, champion, notes)
    return MonitoringReport(
        moment=moment,
        model_version=champion.version if champion else None,
        expected_recall=champion.metadata.metrics.get("recall") if champion else None,
        predictions=len(predictions),
        sampled=len(predictions.sampled),
        repeated=predictions.repeated,
        features=features,
        score=score,
        days=by_day(predictions.timestamps, predictions.alerts, outcomes, matured),
        matured=count_matured(of_model.take(by_champion)) if by_champion.any() else None,
        calibration=calibration(predictions.scores[by_champion], outcomes.take(by_champion)),
        label_delay=label_delays(predictions.timestamps, joined.history.first_reported(moment), frauds),
        consistency=_consistency(settings, lake, predictions, notes),
        notes=tuple(notes.sentences),
        model_digest=champion.digest if champion else None,
        freshness=moment_freshness(settings.loaded_definitions, predictions, settings.profiles.delay),
        outcomes=by_outcome(predictions.outcomes, predictions.would_be, outcomes, matured),
        rules=by_rule(predictions.rules, outcomes, matured),
        busy_days=busy_days(predictions.timestamps[predictions.reviews], capacity),
        missed=_missed(settings, predictions, labels, outcomes, matured),
    )


def _missed(
    settings: Settings, predictions: Predictions, labels: pa.Table, outcomes: Outcomes, matured: Flags
) -> MissedFraud | None:
    """Of the matured payments."""
    if not predictions.for_review.any():
        return None
    reviewed = reported_by(predictions.payments, labels, "analyst", settings.labels)
    return estimate_missed(
        matured & ~predictions.flagged,
        predictions.for_review,
        reviewed,
        outcomes.frauds,
        count_matured(outcomes.take(matured)).caught,
    )


def _labels(lake: Lake, predictions: Predictions) -> pa.Table:
    """Labels reported since the day before the oldest prediction: a clock may be a little behind."""
    return read_labels(lake, day_of(int(predictions.timestamps.min()) - DAY_MS))


def _note_labels(notes: Notes, maturity: Maturity, unused: UnusedLabels) -> None:
    for warning in (maturity.warning(), *unused.warnings()):
        if warning:
            notes.add(warning)


def _consistency(
    settings: Settings, lake: Lake, predictions: Predictions, notes: Notes
) -> Consistency | None:
    offline = offline_rows(settings.loaded_definitions, lake, predictions, settings.labels)
    if offline is None:
        notes.add("the lake has no training rows of these days yet; run flows/preprocess.py")
        return None
    return compare_features(
        settings.loaded_definitions, predictions, offline, milliseconds(settings.admission.lateness)
    )


def _empty(now_ms: int, champion: ModelBundle | None, notes: Notes) -> MonitoringReport:
    return MonitoringReport(
        moment=now_ms,
        model_version=champion.version if champion else None,
        expected_recall=None,
        predictions=0,
        sampled=0,
        repeated=0,
        features=(),
        score=None,
        days=(),
        matured=None,
        calibration=(),
        label_delay={},
        consistency=None,
        notes=tuple(notes.sentences),
        model_digest=champion.digest if champion else None,
    )


def _monitoring_settings(settings: Settings) -> Settings:
    """The settings with the experiment of the monitoring runs."""
    name = f"{settings.registry.experiment}-monitoring"
    return settings.model_copy(update={"registry": settings.registry.model_copy(update={"experiment": name})})
