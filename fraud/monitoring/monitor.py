"""One look at the model in service: read, judge, and keep the report in the lake and in MLflow."""

from typing import Any

import mlflow
import pyarrow as pa

from fraud.features.daily import day_number
from fraud.features.spec import DAY_MS
from fraud.ingest.commits import day_of
from fraud.labels.joining import UnusedLabels, join_labels
from fraud.labels.lake import read_labels, read_maturity
from fraud.labels.progress import Maturity
from fraud.lake import Lake
from fraud.monitoring.consistency import Consistency, compare
from fraud.monitoring.drift_check import judge_drift
from fraud.monitoring.inputs import offline_rows
from fraud.monitoring.notes import Notes
from fraud.monitoring.performance import by_day, calibration, judge_matured, label_delays
from fraud.monitoring.predictions import Predictions
from fraud.monitoring.report import MonitoringReport, as_daily_metrics, as_document, as_metrics
from fraud.registry.aliases import CHAMPION, version_of_alias
from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.versions import load_bundle
from fraud.settings import Settings
from fraud.training.splits import milliseconds

FOLDER = "monitoring"


def champion_in_service(settings: Settings) -> ModelBundle | None:
    """The model with the alias `champion`, or None.

    Raises:
        IncompatibleModelError: it is of other features than this code.
        UnreachableError: MLflow does not answer.
    """
    version = version_of_alias(settings, CHAMPION)
    return None if version is None else load_bundle(settings, version)


def watch(
    settings: Settings, lake: Lake, predictions: Predictions, champion: ModelBundle | None, now_ms: int
) -> MonitoringReport:
    """Judge the predictions by what the lake knows.

    Nothing to judge by is no error: the report's notes say what is not there.

    Args:
        settings: the limits, the label delay and the allowed lateness.
        lake: with labels and training rows, as far as there are any.
        predictions: of the watched days.
        champion: the model that the reference and the expectations come from.
        now_ms: the report's moment when there is neither a prediction nor a label.

    Raises:
        DataError: a file of the lake is broken.
    """
    notes = Notes()
    notes.add(
        "no model has the alias champion; drift and recall have nothing to be held against", when=not champion
    )
    notes.add(f"{predictions.unreadable} messages are no predictions", when=predictions.unreadable > 0)
    notes.add(
        f"only the newest {len(predictions)} predictions were read (FRAUD_MONITORING__MAX_PREDICTIONS)",
        when=predictions.cut,
    )
    if not len(predictions):
        notes.add("there are no predictions yet")
        return _empty(now_ms, champion, notes)
    return _judge(settings, lake, predictions, champion, notes)


def keep(settings: Settings, lake: Lake, report: MonitoringReport) -> str:
    """Write the report to the lake and log it to MLflow; returns its path in the lake.

    The last report of a day is the one that stays in the lake; MLflow has them all.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    document: dict[str, Any] = as_document(report, settings.monitoring)
    path = f"{FOLDER}/{report.date}.json"
    lake.write_json(document, path)
    experiment = experiment_id(_of_monitoring(settings))
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment):
        model = {"model_version": report.model_version, "model_digest": report.model_digest}
        mlflow.log_params({"date": report.date} | {name: value or "none" for name, value in model.items()})
        mlflow.log_metrics(as_metrics(report))
        for number, (day, figures) in enumerate(as_daily_metrics(report).items()):
            mlflow.log_metrics(figures, step=number, timestamp=day_number(day) * DAY_MS)
        mlflow.log_dict(document, "report.json")
    return path


def _judge(
    settings: Settings, lake: Lake, predictions: Predictions, champion: ModelBundle | None, notes: Notes
) -> MonitoringReport:
    newest = int(predictions.timestamps.max())
    maturity = read_maturity(lake, newest, settings.training.label_delay)
    moment = max(newest, maturity.progress or 0)
    joined = join_labels(predictions.payments, _labels(lake, predictions), settings.labels, as_of=moment)
    _note_labels(notes, maturity, joined.unused)
    frauds = joined.history.as_known_at(moment) == 1
    matured = maturity.matured(predictions.timestamps)
    ours = matured & predictions.of_model(champion)
    notes.add("no prediction of the champion has matured yet", when=champion is not None and not ours.any())
    features, score = judge_drift(settings, lake, predictions, champion, notes)
    return MonitoringReport(
        moment=moment,
        model_version=champion.version if champion else None,
        expected_recall=champion.metadata.metrics.get("recall") if champion else None,
        predictions=len(predictions),
        sampled=len(predictions.sampled),
        repeated=predictions.repeated,
        features=features,
        score=score,
        days=by_day(predictions.timestamps, predictions.alerts, frauds, matured),
        matured=judge_matured(predictions.alerts[ours], frauds[ours]) if ours.any() else None,
        calibration=calibration(predictions.scores[ours], frauds[ours]),
        label_delay=label_delays(predictions.timestamps, joined.history.first_reported(moment), frauds),
        consistency=_consistency(settings, lake, predictions, notes),
        notes=tuple(notes.sentences),
        model_digest=champion.digest if champion else None,
    )


def _labels(lake: Lake, predictions: Predictions) -> pa.Table:
    """Labels reported since the day before the oldest prediction: a report may be a little ahead of it."""
    return read_labels(lake, day_of(int(predictions.timestamps.min()) - DAY_MS))


def _note_labels(notes: Notes, maturity: Maturity, unused: UnusedLabels) -> None:
    for sentence in (maturity.sentence(), *unused.sentences()):
        if sentence:
            notes.add(sentence)


def _consistency(
    settings: Settings, lake: Lake, predictions: Predictions, notes: Notes
) -> Consistency | None:
    offline = offline_rows(lake, predictions)
    if offline is None:
        notes.add("the lake has no training rows of these days yet; run flows/preprocess.py")
        return None
    return compare(predictions, offline, milliseconds(settings.admission.lateness))


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


def _of_monitoring(settings: Settings) -> Settings:
    """The settings with an experiment beside that of the trainings."""
    name = f"{settings.registry.experiment}-monitoring"
    return settings.model_copy(update={"registry": settings.registry.model_copy(update={"experiment": name})})
