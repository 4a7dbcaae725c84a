"""Tasks of the backtest: features of the history, the walk through it, the report."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from fraud.evaluation.backtest.history import BacktestHistory, history_from_tables
from fraud.evaluation.backtest.lake_history import history_from_lake
from fraud.evaluation.backtest.summary import as_markdown, summarise
from fraud.evaluation.backtest.walk import BacktestPlan, CandidateScorer, FoldResult, run_backtest
from fraud.evaluation.report.page import render_report
from fraud.features.table import compute_features
from fraud.lake import open_lake
from fraud.money.lake_rates import load_lake_rates
from fraud.settings import Settings, TrainingSettings

_LOG_INTERVAL_S = 5.0


@task(cache_policy=NO_CACHE)
def compute_history(
    settings: Settings, transactions: pa.Table, labels: pa.Table, fraud_types: pa.Table | None
) -> BacktestHistory:
    """Features of every transaction as serving would have computed them, and what is known of it when."""
    load_lake_rates(settings)
    features = compute_features(
        settings.loaded_definitions,
        transactions,
        labels,
        paced(get_run_logger().info),
        rules=settings.labels,
        available_after=settings.profiles.available_after,
        delay=settings.profiles.delay,
    )
    return history_from_tables(
        settings.loaded_definitions, transactions, labels, features, fraud_types, settings.labels
    )


@task(cache_policy=NO_CACHE)
def load_history(settings: Settings, plan: BacktestPlan) -> BacktestHistory:
    """The lake's training rows of the periods that the plan needs."""
    return history_from_lake(settings.loaded_definitions, open_lake(settings), plan.needed(), settings.labels)


@task(cache_policy=NO_CACHE)
def run_folds(
    history: BacktestHistory,
    plan: BacktestPlan,
    candidates: CandidateScorer,
    training: TrainingSettings,
    seed: int,
) -> list[FoldResult]:
    """Walk through the history and log the figures of every fold."""
    logger, results = get_run_logger(), []
    walk = run_backtest(
        history,
        plan,
        candidates,
        review_cost=training.review_cost,
        min_precision=training.min_precision,
        seed=seed,
    )
    for note in history.notes:
        logger.warning("%s", note)
    for result in walk:
        results.append(result)
        for note in result.notes:
            logger.warning("fold %d of %d: %s", len(results), plan.folds, note)
        for name, one in result.evaluations.items():
            logger.info(
                "fold %d of %d (test %s), %s: average precision %s, AUC %.3f, card precision@%d %.3f",
                len(results), plan.folds, result.fold.test, name,
                one.average_precision, one.auc.value, plan.k, one.card_precision.value,
            )  # fmt: skip
    return results


@task(cache_policy=NO_CACHE)
def write_report(
    settings: Settings,
    results: list[FoldResult],
    about: dict[str, Any],
    report: Path | None,
    json_file: Path | None,
) -> dict[str, Any]:
    """Write the page and the figures; returns the figures."""
    summary = summarise(results, about)
    if json_file is not None:
        _write(json_file, json.dumps(summary, indent=1))
    if report is not None:
        _write(report, render_report(settings.loaded_definitions, results, summary))
    create_markdown_artifact(
        as_markdown(summary), key="backtest", description="mean and deviation over folds"
    )
    return summary


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    get_run_logger().info("wrote %s", path)


def paced(log: Callable[[str], object]) -> Callable[..., object]:
    """A progress function that logs at most every few seconds."""
    last = time.monotonic()

    def progress(what: str, done: int, total: int | None = None) -> None:
        nonlocal last
        if time.monotonic() - last >= _LOG_INTERVAL_S:
            last = time.monotonic()
            log(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

    return progress
