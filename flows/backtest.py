"""Judge a model by walking through a history: files of your own, or a range of the lake."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow
from prefect.logging import get_run_logger

from flows.entry import run_flow
from fraud.errors import ConfigurationError
from fraud.evaluation.backtest.candidates import (
    RegisteredCandidates,
    RetrainedCandidates,
    RetrainingPlan,
    warnings_about,
)
from fraud.evaluation.backtest.saved_model import load_registered
from fraud.evaluation.backtest.walk import BacktestPlan, require_covered
from fraud.settings import Settings, load_settings
from fraud.training.run import threshold_rules
from producer.replay.tables import Files, Tables, read_campaigns, read_tables
from tasks.backtest import compute_history, load_history, paced, run_folds, write_report

TRIALS = 8
"""Enough to leave behind what does not suit the data; they are spent at the first fold."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@flow(name="backtest")
def backtest(
    start: date,
    folds: int = 4,
    train_days: int = 30,
    delay_days: int = 7,
    test_days: int = 7,
    step_days: int = 7,
    k: int = 100,
    drop_known_cards: bool = False,
    transactions: Path | None = None,
    labels: Path | None = None,
    columns: Path | None = None,
    label_delay: str = "7d",
    truth: Path | None = None,
    model: str | None = None,
    trials: int = TRIALS,
    seed: int | None = None,
    report: Path | None = None,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> dict[str, Any]:
    """Walk-forward over a history; without --transactions over the lake's training rows.

    Args:
        start: first day (UTC) of the first test period.
        folds: how many test periods.
        train_days: length of each training period.
        delay_days: between training and test, while labels are on their way.
        test_days: length of each test period.
        step_days: from one test period's start to the next one's.
        k: cards that can be looked at a day.
        drop_known_cards: leave cards out of a test day whose fraud was known by then.
        transactions: CSV or Parquet; without it the lake is judged on.
        labels: CSV or Parquet; without it the transactions' column is_fraud.
        columns: YAML that names the files' columns.
        label_delay: until a verdict without a reported_at counts as reported, such as 7d.
        truth: Parquet with transaction_id and campaign.
        model: models:/name@alias or models:/name/version, judged instead of learning.
        trials: of the search at the first fold.
        seed: default FRAUD_TRAINING__SEED.
        report: where the page goes.
        json_file: where the figures go.

    Returns:
        The figures: of every fold, and mean and deviation over the folds.
    """
    settings = load_settings()
    plan = BacktestPlan(start, folds, train_days, delay_days, test_days, step_days, k, drop_known_cards)
    candidates = _contenders(settings, model, trials, seed)
    if transactions is None:
        history = load_history(settings, plan)
    else:
        tables = _read(settings, Files(transactions, labels, columns, parse_span(label_delay)))
        require_covered(tables.transactions["timestamp"].to_numpy(), plan)
        campaigns = read_campaigns(truth) if truth else None
        history = compute_history(settings, tables.transactions, tables.labels, campaigns)
    results = run_folds(history, plan, candidates, settings.training, candidates.plan.seed)
    about = {
        "plan": asdict(plan) | {"start": start.isoformat()},
        "model": model or f"learnt at every fold with {trials} trials, seed {candidates.plan.seed}",
        "review_cost": settings.training.review_cost,
        "min_precision": settings.training.min_precision,
        "warnings": [*warnings_about(candidates, plan), *history.notes],
    }
    return write_report(results, about, report, json_file)


def parse_span(text: str) -> timedelta:
    """A span such as 7d, 36h or 90m.

    Raises:
        ConfigurationError: it is none.
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal():
        raise ConfigurationError(f"{text!r} is no span of time; write for example 7d, 36h or 90m")
    return timedelta(**{_UNITS[unit]: int(number)})


def _read(settings: Settings, files: Files) -> Tables:
    logger = get_run_logger()
    say = paced(logger.info)
    tables = read_tables(settings, files, say)
    for note in tables.notes:
        logger.info(note)
    for warning in tables.warnings:
        logger.warning(warning)
    for rejects in tables.rejects:
        if rejects.count:
            place, reason = rejects.first[0]
            logger.warning(
                "%d rows cannot be used and are in %s; the first, %s: %s",
                rejects.count, rejects.path, rejects.name(place), reason,
            )  # fmt: skip
    logger.info("%d transactions, %d labels", tables.transactions.num_rows, tables.labels.num_rows)
    return tables


def _contenders(
    settings: Settings, model: str | None, trials: int, seed: int | None
) -> RetrainedCandidates | RegisteredCandidates:
    training = settings.training
    seed = training.seed if seed is None else seed
    plan = RetrainingPlan(trials, seed, training.threads, threshold_rules(training))
    if model is not None:
        return RegisteredCandidates(load_registered(settings, model), plan)
    return RetrainedCandidates(plan, get_run_logger().info)


if __name__ == "__main__":
    run_flow(backtest)
