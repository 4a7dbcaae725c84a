"""Evaluate a model by walking forward through a history: files of your own, or a range of the lake."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from prefect import flow
from prefect.logging import get_run_logger
from pydantic import BaseModel, ConfigDict, Field

from flows.entry import run_flow
from flows.runs import completed, keep_result, run_name
from fraud.errors import ConfigurationError
from fraud.evaluation.backtest.candidates import (
    RegisteredCandidates,
    RetrainedCandidates,
    RetrainingPlan,
    warnings_about,
)
from fraud.evaluation.backtest.chosen_plan import AskedPlan, choose_plan, days_of, describe_plan
from fraud.evaluation.backtest.history import BacktestHistory
from fraud.evaluation.backtest.lake_history import lake_days
from fraud.evaluation.backtest.saved_model import load_registered
from fraud.evaluation.backtest.walk import BacktestPlan, require_covered
from fraud.lake import open_lake
from fraud.settings import Settings, load_settings
from fraud.training.run import threshold_rules
from producer.replay.tables import Files, Tables, read_fraud_types, read_tables
from tasks.backtest import compute_history, load_history, paced, run_folds, write_report
from tasks.backtest_summary import fraud_times, summary_lines, used_days, used_of_files, used_of_lake

TRIALS = 8
"""Enough to rule out parameters that do not suit the data; the first fold uses them all."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class BacktestParameters(BaseModel):
    """What to evaluate, on which history, and where the results go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: date | None = Field(
        None, description="first day (UTC) of the first test period; without it the last 40 % are tested"
    )
    folds: int | None = Field(None, description="how many test periods; default 4 if each holds a fraud")
    train_days: int | None = Field(
        None, description="length of each training period; default what is before, up to 90"
    )
    delay_days: int | None = Field(
        None, description="days between training and test, while labels are on their way; default 7"
    )
    test_days: int | None = Field(None, description="length of each test period; default what fits, up to 28")
    step_days: int | None = Field(
        None, description="days from one test period's start to the next one's; default --test-days"
    )
    k: int = Field(100, description="cards that can be reviewed a day")
    drop_known_cards: bool = Field(
        False, description="leave cards out of a test day whose fraud was known by then"
    )
    known_days: int | None = Field(
        None, description="of --drop-known-cards: days before the end of training; default all of training"
    )
    transactions: Path | None = Field(None, description="CSV or Parquet; without it the lake's training rows")
    labels: Path | None = Field(
        None, description="CSV or Parquet; without it the transactions' column is_fraud"
    )
    columns: Path | None = Field(None, description="YAML that names the files' columns")
    label_delay: str = Field(
        "7d", description="after which a label without a reported_at counts as reported, such as 7d"
    )
    truth: Path | None = Field(None, description="Parquet with transaction_id and fraud_type")
    model: str | None = Field(
        None, description="models:/name@alias or models:/name/version, evaluated instead of training"
    )
    trials: int = Field(TRIALS, description="of the search at the first fold")
    seed: int | None = Field(None, description="default FRAUD_TRAINING__SEED")
    report: Path | None = Field(None, description="HTML file to write")
    json_file: Path | None = Field(
        None, serialization_alias="json", description="JSON file to write, with all figures"
    )

    @property
    def asked(self) -> AskedPlan:
        """What is given of the test periods, and how each is evaluated."""
        return AskedPlan(
            start=self.start,
            folds=self.folds,
            train_days=self.train_days,
            delay_days=self.delay_days,
            test_days=self.test_days,
            step_days=self.step_days,
            k=self.k,
            drop_known_cards=self.drop_known_cards,
            known_days=self.known_days,
        )


@flow(name="backtest", flow_run_name=run_name, on_completion=[keep_result])
def backtest(parameters: BacktestParameters) -> dict[str, Any]:
    """Walk forward over a history; without --transactions over the lake's training rows.

    Returns:
        The figures: of every fold, and mean and deviation over the folds.
    """
    settings = load_settings()
    candidates = _candidates(settings, parameters)
    history, plan, used = _history(settings, parameters)
    results = run_folds(history, plan, candidates, settings.training, candidates.plan.seed)
    seed = candidates.plan.seed
    about = {
        "used": used
        | {"days": used_days(results, used["days"]), "report": _text(parameters.report)}
        | {"json": _text(parameters.json_file)},
        "currency": history.data.amount_currency,
        "plan": asdict(plan) | {"start": plan.start.isoformat()},
        "model": parameters.model or f"trained at every fold with {parameters.trials} trials, seed {seed}",
        "review_cost": settings.training.review_cost,
        "min_precision": settings.training.min_precision,
        "warnings": [*warnings_about(candidates, plan), *history.notes],
    }
    summary = write_report(settings, results, about, parameters.report, parameters.json_file)
    precision = summary["mean"]["model"]["average_precision"]["mean"]
    return completed(summary, f"average precision {precision:.3f} over {len(results)} folds")


def parse_span(text: str) -> timedelta:
    """A time span such as 7d, 36h or 90m.

    Raises:
        ConfigurationError: the text is not a time span.
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdecimal()):
        raise ConfigurationError(f"{text!r} is no span of time; write for example 7d, 36h or 90m")
    return timedelta(**{_UNITS[unit]: int(number)})


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _history(
    settings: Settings, parameters: BacktestParameters
) -> tuple[BacktestHistory, BacktestPlan, dict[str, str]]:
    """The history, the plan for it, and what could be used of it."""
    if parameters.transactions is None:
        first, last = lake_days(settings.loaded_definitions, open_lake(settings))
        plan = _chosen(parameters.asked, first, last, np.empty(0, np.int64))
        history = load_history(settings, plan)
        return history, plan, used_of_lake(history, first, last)
    span = parse_span(parameters.label_delay)
    tables = _read_files(
        settings, Files(parameters.transactions, parameters.labels, parameters.columns, span)
    )
    times = tables.transactions["timestamp"].to_numpy()
    plan = _chosen(parameters.asked, *days_of(times), fraud_times(tables.transactions, tables.labels))
    require_covered(times, plan)
    fraud_types = read_fraud_types(parameters.truth) if parameters.truth else None
    history = compute_history(settings, tables.transactions, tables.labels, fraud_types)
    rejected = sum(one.count for one in tables.rejected)
    return history, plan, used_of_files(tables.transactions, tables.labels, rejected)


def _chosen(asked: AskedPlan, first: date, last: date, frauds: npt.NDArray[np.int64]) -> BacktestPlan:
    plan = choose_plan(first, last, frauds, asked)
    if asked.chosen:
        get_run_logger().info(describe_plan(plan, asked))
    return plan


def _read_files(settings: Settings, files: Files) -> Tables:
    """The user's files as tables; the log has what could not be used."""
    logger = get_run_logger()
    tables = read_tables(settings, files, paced(logger.info))
    for note in tables.notes:
        logger.info(note)
    for warning in tables.warnings:
        logger.warning(warning)
    for rejected in tables.rejected:
        if rejected.count:
            row, reason = rejected.first[0]
            logger.warning(
                "%d rows cannot be used and are in %s; the first, %s: %s",
                rejected.count, rejected.path, rejected.name(row), reason,
            )  # fmt: skip
    logger.info("%d transactions, %d labels", tables.transactions.num_rows, tables.labels.num_rows)
    return tables


def _candidates(
    settings: Settings, parameters: BacktestParameters
) -> RetrainedCandidates | RegisteredCandidates:
    training = settings.training
    seed = training.seed if parameters.seed is None else parameters.seed
    plan = RetrainingPlan(parameters.trials, seed, training.threads, threshold_rules(training))
    if parameters.model is not None:
        return RegisteredCandidates(
            settings.loaded_definitions, load_registered(settings, parameters.model), plan
        )
    return RetrainedCandidates(plan, get_run_logger().info)


if __name__ == "__main__":
    run_flow(backtest, summary_lines)
