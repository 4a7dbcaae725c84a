"""How long a training takes: `python -m benchmarks.training --rows 2000000 --trials 30`.

The rows are synthetic, with the real number of features, unknowns and a signal that takes trees to find;
what is timed is what the train flow does between reading the lake and writing to MLflow.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import pyarrow as pa

from fraud.features.spec import DAY_MS, FEATURE_NAMES
from fraud.modelling.contracts import require_no_leak, require_sound
from fraud.modelling.dataset import Dataset
from fraud.modelling.learner import learn
from fraud.modelling.search import SearchRules, search
from fraud.modelling.splits import Period, milliseconds, temporal_split, walk_forward
from fraud.modelling.training import judge, longest_history, threshold_rules
from fraud.settings import TrainingSettings


def synthetic_rows(count: int, period: Period, fraud_rate: float = 0.005, seed: int = 0) -> Dataset:
    """`count` rows over `period` in which ten features interact to make fraud."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, len(FEATURE_NAMES)), dtype=np.float32)
    risk = rows[:, 1:6].sum(axis=1) + 2 * (rows[:, 6] > 1) * rows[:, 7] + random.standard_normal(count)
    labels = (risk >= np.quantile(risk, 1 - fraud_rate)).astype(np.int8)
    rows[random.random(rows.shape, dtype=np.float32) < 0.1] = np.nan
    amounts = random.lognormal(8.0, 1.0, count).astype(np.int64)
    rows[:, FEATURE_NAMES.index("amount")] = amounts
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
    return Dataset(
        rows, labels, timestamps, amounts, cards, identity, reported_at=np.where(labels == 1, timestamps, 0)
    )


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took."""
    began = time.perf_counter()
    yield
    print(f"{what:<28} {time.perf_counter() - began:8.1f} s", flush=True)


def main() -> None:
    """Time every step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    training = TrainingSettings(threads=given.threads)
    period = Period(100 * DAY_MS, 100 * DAY_MS + milliseconds(longest_history(training)))
    data = synthetic_rows(given.rows, period)
    with timed("all"):
        run(data, period, training, given.trials)


def run(data: Dataset, period: Period, training: TrainingSettings, trials: int) -> None:
    """The steps of a training, each timed."""
    split = temporal_split(
        period,
        delay=training.label_delay,
        train=timedelta(days=training.train_days),
        validation=timedelta(days=training.validation_days),
        test=timedelta(days=training.test_days),
    )
    with timed("contracts"):
        require_sound(data, period)
        require_no_leak(data)
    folds = walk_forward(
        split.refit,
        folds=training.search_folds,
        test=timedelta(days=training.validation_days),
        delay=training.label_delay,
    )
    with timed(f"search, {trials} trials"):
        found = search(
            data.as_known_at(split.test.start), folds, SearchRules(trials, training.seed, training.threads)
        )
    rules = threshold_rules(training)
    with timed("fit, calibrate, threshold"):
        fitted = learn(data, split, found.recipe, rules, seed=training.seed, threads=training.threads)
    with timed("judge with baselines"):
        report = judge(training, data, split, fitted)
    print(f"average precision {report.model.average_precision}, best of the search {found.value:.3f}")


if __name__ == "__main__":
    main()
