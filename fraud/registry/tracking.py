"""One training as an MLflow run: data set, parameters, metrics, plots and the registered bundle."""

from dataclasses import asdict, dataclass
from math import isfinite
from urllib.parse import urlencode

import mlflow
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial

from fraud.evaluation import plots
from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.dataset_input import LakeDataset
from fraud.registry.descriptions import describe_training, run_title
from fraud.registry.versions import log_and_register
from fraud.settings import Settings
from fraud.training.history import History
from fraud.training.run import EvaluationReport
from fraud.training.search import SearchResult
from fraud.training.splits import Split


@dataclass(frozen=True)
class LoggedRun:
    """Where the training can be looked up."""

    run_id: str
    version: str
    url: str | None
    plots: dict[str, str]
    """Addresses of the pictures by name; none where MLflow has no pages."""


def log_training(
    settings: Settings,
    bundle: ModelBundle,
    report: EvaluationReport,
    found: SearchResult,
    split: Split,
    history: History,
) -> LoggedRun:
    """Log a run and, as its last step, register the bundle; a run that fails before registers nothing.

    The run has the data set as its input, a description, and the five headline metrics below `headline/`,
    apart from all others.

    Raises:
        UnreachableError: MLflow does not answer; the run is then marked as failed and nothing registered.
    """
    experiment = experiment_id(settings)
    title = run_title(bundle.metadata)
    description = describe_training(bundle.metadata, report, split, history.notes)
    with (
        mlflow_client(settings),
        mlflow.start_run(experiment_id=experiment, run_name=title, description=description) as run,
    ):
        mlflow.log_input(LakeDataset(settings, history), context="training")
        mlflow.log_params(_parameters(bundle, split))
        mlflow.log_metrics(_metrics(report, found) | _observed(history, report))
        figures = draw(settings, bundle, report, found)
        for name, figure in figures.items():
            mlflow.log_figure(figure, _plot_path(name))
        mlflow.log_dict({"trials": [_trial(trial) for trial in found.study.get_trials()]}, "study.json")
        version = log_and_register(settings, bundle, run.info.run_id, description)
    run_id = run.info.run_id
    pictures = {name: _picture(settings, run_id, name) for name in figures if _has_pages(settings)}
    return LoggedRun(run_id, version, _page(settings, experiment, run_id), pictures)


def draw(
    settings: Settings, bundle: ModelBundle, report: EvaluationReport, found: SearchResult
) -> dict[str, Figure]:
    """Every plot of a training, by name."""
    scores, threshold = report.scores["model"], bundle.threshold
    return {
        "precision_recall": plots.precision_recall_plot(report.test, report.scores, threshold),
        "calibration": plots.calibration_plot(report.test, scores),
        "savings": plots.savings_plot(report.test, scores, threshold, settings.training.review_cost),
        "importances": plots.importance_plot(settings.loaded_definitions, bundle.booster),
        "study": plots.study_plot(found.study),
        "strategies": plots.strategy_plot(found.study),
    }


def _parameters(bundle: ModelBundle, split: Split) -> dict[str, str]:
    metadata = bundle.metadata
    parameters: dict[str, object] = dict(metadata.params) | {
        "engine": metadata.engine,
        "policy": metadata.policy,
        "calibration": metadata.calibration.kind,
        "feature_version": metadata.feature_version,
        "data_fingerprint": metadata.data_fingerprint,
        "code_version": metadata.code_version,
        "train": split.train,
        "validation": split.validation,
        "refit": split.refit,
        "test": split.test,
    }
    return {name: str(value) for name, value in parameters.items()}


def _metrics(report: EvaluationReport, found: SearchResult) -> dict[str, float]:
    metrics = {f"test_{name}": value for name, value in report.model.metrics.items()}
    for baseline, evaluation in report.baselines.items():
        prefix = baseline.replace(" ", "_")
        metrics |= {f"{prefix}_{name}": value for name, value in evaluation.metrics.items()}
    headline = {
        f"headline/{name}": estimate.value
        for name, estimate in report.model.headline.items()
        if isfinite(estimate.value)
    }
    return metrics | headline | {"search_average_precision": found.value}


def _observed(history: History, report: EvaluationReport) -> dict[str, float]:
    """How much of the outcomes was observed; nothing where all were."""
    if history.observed is None:
        return {}
    counts = {f"outcomes_{name}": float(value) for name, value in asdict(history.observed).items()}
    naive = {} if report.unweighted is None else report.unweighted.metrics
    return counts | {f"unweighted_{name}": value for name, value in naive.items()}


def _trial(trial: FrozenTrial) -> dict[str, object]:
    return {
        "number": trial.number,
        "state": trial.state.name,
        "value": trial.value,
        "params": trial.params,
        "folds": trial.user_attrs.get("folds"),
        "rounds": trial.user_attrs.get("rounds"),
    }


def _plot_path(name: str) -> str:
    return f"plots/{name}.png"


def _has_pages(settings: Settings) -> bool:
    return settings.tracking_uri.startswith("http")


def _page(settings: Settings, experiment: str, run_id: str) -> str | None:
    if not _has_pages(settings):
        return None
    return f"{settings.tracking_uri.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


def _picture(settings: Settings, run_id: str, name: str) -> str:
    query = urlencode({"path": _plot_path(name), "run_uuid": run_id})
    return f"{settings.tracking_uri.rstrip('/')}/get-artifact?{query}"
