"""The tasks of training: each runs one step of `fraud.training.run` and logs its result."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from optuna.trial import FrozenTrial
from prefect import task
from prefect.artifacts import (
    create_image_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from fraud.evaluation.gate import PromotionDecision
from fraud.evaluation.metrics import Evaluation
from fraud.lake import open_lake
from fraud.registry.bundle import ModelBundle
from fraud.registry.promotion import Promotion, apply_decision, decide_promotion, load_champion
from fraud.registry.tracking import LoggedRun, log_training
from fraud.settings import Settings
from fraud.training.contracts.rows import require_no_leak, require_valid_rows
from fraud.training.engines import booster_fitter
from fraud.training.fit import FittedModel, fit_model
from fraud.training.history import History, load_history
from fraud.training.history_use import HistoryUse, describe_use
from fraud.training.run import (
    EvaluationReport,
    bundle_of,
    evaluate_models,
    longest_history,
    search_folds,
    search_settings,
    split_history,
    threshold_rules,
)
from fraud.training.search import SearchResult, describe_trial, search
from fraud.training.splits import Split
from tasks.retries import WITH_RETRIES


@task(**WITH_RETRIES)
def load(settings: Settings) -> History:
    """Read the matured rows from the lake and stop at broken ones."""
    training = settings.training
    history = load_history(
        settings.loaded_definitions,
        open_lake(settings),
        longest=longest_history(training),
        delay=training.label_delay,
        rules=settings.labels,
    )
    require_valid_rows(settings.loaded_definitions, history.data, history.period)
    require_no_leak(history.data, training.seed)
    get_run_logger().info(
        "%d rows with %d frauds, %s", len(history.data), history.data.frauds, history.period
    )
    _report_notes(history)
    return history


def _report_notes(history: History) -> None:
    """Put what is wrong with the labels into the log and onto the run's page."""
    for note in history.notes:
        get_run_logger().warning("%s", note)
    if history.notes:
        lines = [f"The rows are those of {history.period}.", "", *(f"- {note}" for note in history.notes)]
        create_markdown_artifact(key="labels", description=history.notes[0], markdown="\n".join(lines))


@task(cache_policy=NO_CACHE)
def split(settings: Settings, history: History) -> Split:
    """Cut the history into train, validation and test, with the label delay between."""
    made = split_history(settings.training, history)
    get_run_logger().info("train %s, validation %s, test %s", made.train, made.validation, made.test)
    return made


@task(cache_policy=NO_CACHE)
def report_use(settings: Settings, history: History, periods: Split) -> HistoryUse:
    """Say how much of the history is used, what is left out, and why."""
    use = describe_use(history, periods, settings.training.label_delay)
    get_run_logger().info("used %s", use.used)
    get_run_logger().info("left out %s", use.left_out)
    return use


@task(cache_policy=NO_CACHE)
def tune(settings: Settings, history: History, periods: Split, trials: int) -> SearchResult:
    """Search for the best recipe; the progress is on the run's page and in the log."""
    champion = load_champion(settings)
    rules = search_settings(settings, history, trials, None if isinstance(champion, str) else champion)
    found = search(
        history.data.as_known_at(periods.test.start),
        search_folds(settings.training, periods),
        rules,
        _progress(trials),
    )
    get_run_logger().info("best average precision over the folds: %.4f with %s", found.value, found.params)
    return found


@task(cache_policy=NO_CACHE)
def fit(settings: Settings, history: History, periods: Split, found: SearchResult) -> FittedModel:
    """Fit with the engine of the settings, calibrate and choose the threshold."""
    training = settings.training
    with booster_fitter(settings) as fit_booster:
        fitted = fit_model(
            history.data,
            periods,
            found.recipe,
            threshold_rules(training),
            seed=training.seed,
            threads=training.threads,
            fit=fit_booster,
        )
    get_run_logger().info("threshold %.4f: %s", fitted.threshold.value, fitted.threshold.reason)
    return fitted


@task(cache_policy=NO_CACHE)
def evaluate(settings: Settings, history: History, periods: Split, fitted: FittedModel) -> EvaluationReport:
    """Evaluate the model and the baselines on the test rows."""
    report = evaluate_models(settings.training, history.data, periods, fitted)
    for name, evaluation in _rows(report).items():
        get_run_logger().info("%s: average precision %s", name, evaluation.average_precision)
    return report


@task(cache_policy=NO_CACHE)
def log(
    settings: Settings,
    history: History,
    periods: Split,
    fitted: FittedModel,
    found: SearchResult,
    report: EvaluationReport,
) -> tuple[ModelBundle, LoggedRun]:
    """Log the training to MLflow and register the bundle."""
    bundle = bundle_of(settings, history, fitted, found, report)
    logged = log_training(settings, bundle, report, found, periods, history)
    get_run_logger().info("registered as version %s, run %s", logged.version, logged.url or logged.run_id)
    return bundle, logged


@task(cache_policy=NO_CACHE)
def gate(
    settings: Settings,
    history: History,
    periods: Split,
    candidate: ModelBundle,
    logged: LoggedRun,
    promotion: Promotion,
) -> PromotionDecision:
    """Decide what becomes of the candidate, and move the alias."""
    registered = replace(candidate, version=logged.version)
    decision = decide_promotion(settings, history.data, periods, registered, promotion)
    apply_decision(settings, logged.version, decision)
    get_run_logger().info("version %s: %s", logged.version, decision.reason)
    return decision


@task(cache_policy=NO_CACHE)
def report_training(
    settings: Settings,
    report: EvaluationReport,
    fitted: FittedModel,
    logged: LoggedRun,
    decision: PromotionDecision,
    notes: Sequence[str] = (),
) -> None:
    """A page of the run: figures against baselines, the threshold, the decision, links to the plots."""
    where = f"[run {logged.run_id}]({logged.url})" if logged.url else f"run {logged.run_id}"
    create_markdown_artifact(
        key="training",
        description=f"version {logged.version}: {decision.reason}",
        markdown=f"""# Model version {logged.version}

{"**Promoted.**" if decision.promote else "**Not promoted.**"} {decision.reason}
{"".join(f"{chr(10)}- {note}" for note in notes)}

{figures_of(decision)}

{table_of(report)}
{observation_bias(report)}
Threshold {fitted.threshold.value:.4g} ({fitted.threshold.policy}): {fitted.threshold.reason}.
Amounts are minor units over the test period; intervals are 95 % bootstraps by card.

Plots, parameters and the study are with {where} in MLflow.
""",
    )
    for name, address in logged.plots.items():
        key = name.replace("_", "-")
        create_image_artifact(address, key=f"plot-{key}", description=name.replace("_", " "))


def figures_of(decision: PromotionDecision) -> str:
    """The numbers that the gate decided by as a Markdown table; empty where nothing was compared."""
    lines = [f"| {name.replace('_', ' ')} | {value} |" for name, value in decision.figures.items()]
    return "\n".join(["| the gate's figures | |", "|---|---|", *lines] if lines else [])


def observation_bias(report: EvaluationReport) -> str:
    """What the figures would have been without the weights of the control group; empty where it has none."""
    naive, weighted = report.unweighted, report.model
    if naive is None:
        return ""
    figures = {
        name: (estimate.value, weighted.headline[name].value)
        for name, estimate in naive.headline.items()
        if name in ("average_precision", "precision", "recall")
    }
    changes = ", ".join(
        f"{name.replace('_', ' ')} {one:.3f} instead of {other:.3f}" for name, (one, other) in figures.items()
    )
    return f"\nOn the observed outcomes alone, without weights, the model would have had {changes}.\n"


def table_of(report: EvaluationReport) -> str:
    """The figures of model and baselines as a Markdown table."""
    k = report.model.k
    head = f"| | average precision | AUC | card precision@{k} | precision | recall | money saved |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for name, one in _rows(report).items():
        figures = (one.average_precision, one.auc, one.card_precision, one.precision, one.recall)
        saved = f"{one.money_saved.value:,.0f} of {one.fraud_amount:,}"
        lines.append(f"| {name} | {' | '.join(map(str, figures))} | {saved} |")
    return "\n".join(lines)


def _rows(report: EvaluationReport) -> dict[str, Evaluation]:
    return {"model": report.model} | report.baselines


def _progress(trials: int) -> Callable[[FrozenTrial, int], None]:
    logger = get_run_logger()
    artifact = create_progress_artifact(progress=0.0, key="search", description=f"{trials} trials")

    def on_trial(trial: FrozenTrial, done: int) -> None:
        seconds = trial.duration.total_seconds() if trial.duration else 0.0
        logger.info(
            "trial %d of %d: %s (%s, %.0f s)",
            done,
            trials,
            describe_trial(trial),
            trial.params["imbalance"],
            seconds,
        )
        if isinstance(artifact, UUID):
            update_progress_artifact(artifact, progress=min(100.0 * done / trials, 100.0))

    return on_trial
