"""How long a training takes: `python -m benchmarks.training`, by default 2 million rows and 30 trials.

The rows are synthetic, with the real number of features, unknowns and a signal that takes trees to find;
what is timed is what the train flow does between reading the lake and writing to MLflow.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pyarrow as pa
from optuna.trial import FrozenTrial, TrialState

from benchmarks.results import Section, conditions, save_section
from fraud.definitions.features import DAY_MS
from fraud.definitions.loading import load_definitions
from fraud.labels.history import LabelHistory
from fraud.machine.ending import end_in_order
from fraud.settings import TrainingSettings
from fraud.training.contracts.rows import require_no_leak, require_valid_rows
from fraud.training.dataset import Dataset
from fraud.training.fit import fit_model
from fraud.training.run import evaluate_models, longest_history, search_folds, threshold_rules
from fraud.training.search import SearchSettings, describe_trial, search
from fraud.training.splits import TimeRange, milliseconds, temporal_split
from tests.fraud.training.synthetic import within_bounds


def synthetic_rows(count: int, period: TimeRange, fraud_rate: float = 0.005, seed: int = 0) -> Dataset:
    """`count` rows over `period` in which ten features interact to make fraud."""
    random, names = np.random.default_rng(seed), load_definitions().feature_names
    rows = random.standard_normal((count, len(names)), dtype=np.float32)
    risk = rows[:, 1:6].sum(axis=1) + 2 * (rows[:, 6] > 1) * rows[:, 7] + random.standard_normal(count)
    labels = (risk >= np.quantile(risk, 1 - fraud_rate)).astype(np.int8)
    rows = within_bounds(rows)
    rows[random.random(rows.shape, dtype=np.float32) < 0.1] = np.nan
    amounts = random.lognormal(8.0, 1.0, count).astype(np.int64)
    rows[:, names.index("amount")] = amounts
    timestamps = np.sort(random.integers(period.start, period.end, count))
    cards = random.integers(0, max(count // 100, 1), count)
    ids = pa.array(np.arange(count)).cast(pa.string())
    identity = pa.table(
        {
            "transaction_id": ids,
            "card_id": pa.array(cards).cast(pa.string()),
            "merchant_id": ids,
            "currency": ids,
        }
    )
    frauds = np.flatnonzero(labels)
    reports = LabelHistory(count, frauds, timestamps[frauds], np.ones(len(frauds), dtype=np.bool_))
    return Dataset(rows, labels, timestamps, amounts, cards, identity, names, reports)


@dataclass
class StepTimer:
    """Seconds by step; prints each step when it starts and when it ends."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Time the block."""
        print(f"{what} ...", flush=True)
        started = time.perf_counter()
        yield
        self.seconds[what] = time.perf_counter() - started
        print(f"{what}: {self.seconds[what]:.1f} s", flush=True)


def main() -> None:
    """Time every step, print and save the figures."""
    end_in_order()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", action=argparse.BooleanOptionalAction, default=True, help="in RESULTS.md")
    given = parser.parse_args()
    training = TrainingSettings(threads=given.threads)
    period = TimeRange(100 * DAY_MS, 100 * DAY_MS + milliseconds(longest_history(training)))
    data = synthetic_rows(given.rows, period)
    under, timer = conditions(), StepTimer()
    result = run(data, period, training, given.trials, timer)
    section = make_section(given.rows, given.trials, given.threads, timer.seconds, result)
    print("\n".join(section.table))
    if given.keep:
        save_section(section, under)


def run(
    data: Dataset, period: TimeRange, training: TrainingSettings, trials: int, timer: StepTimer
) -> dict[str, float]:
    """The steps of a training, each timed; returns what came out."""
    split = temporal_split(
        period,
        delay=training.label_delay,
        train=timedelta(days=training.train_days),
        validation=timedelta(days=training.validation_days),
        test=timedelta(days=training.test_days),
    )
    with timer.step("check the rows, look for leaks"):
        require_valid_rows(load_definitions(), data, period)
        require_no_leak(data)
    with timer.step("search"):
        rules = SearchSettings(trials, training.seed, training.threads)
        known = data.as_known_at(split.test.start)
        found = search(known, search_folds(training, split), rules, _print_trial)
    with timer.step("fit the calibration model and the model, calibrate, choose the threshold"):
        policy = threshold_rules(training)
        fitted = fit_model(data, split, found.recipe, policy, seed=training.seed, threads=training.threads)
    with timer.step("fit the baselines, evaluate all with intervals"):
        report = evaluate_models(training, data, split, fitted)
    baseline = report.baselines[report.best_baseline].average_precision.value
    pruned = sum(trial.state == TrialState.PRUNED for trial in found.study.get_trials(deepcopy=False))
    return {
        "average_precision": report.model.average_precision.value,
        "best_baseline": baseline,
        "search_average_precision": found.value,
        "pruned_trials": pruned,
        "rounds": found.recipe.rounds,
        "max_depth": found.recipe.booster["max_depth"],
    }


def make_section(
    rows: int, trials: int, threads: int, seconds: dict[str, float], result: dict[str, float]
) -> Section:
    """The section of `RESULTS.md`."""
    table = ["| step | seconds |", "|---|---|"]
    table += [f"| {what} | {taken:.1f} |" for what, taken in seconds.items()]
    table += [
        f"| **together** | **{sum(seconds.values()):.0f}** |",
        "",
        f"{result['pruned_trials']:.0f} of the {trials} trials were pruned; the best recipe has "
        f"{result['rounds']:.0f} rounds of depth {result['max_depth']:.0f}. On the test rows it reaches an "
        f"average precision of {result['average_precision']:.3f}, the best baseline "
        f"{result['best_baseline']:.3f}.",
    ]
    title = f"A training on {rows:,} rows with {trials} trials, {threads} threads"
    return Section("training", title, {"rows": rows, "trials": trials} | seconds | result, table)


def _print_trial(trial: FrozenTrial, done: int) -> None:
    taken = trial.duration.total_seconds() if trial.duration else 0.0
    print(f"  trial {done}: {describe_trial(trial)}, {trial.params['imbalance']}, {taken:.1f} s", flush=True)


if __name__ == "__main__":
    main()
