"""What a backtest ends with in the terminal: what it used of the history, the figures, the report."""

from collections.abc import Iterator, Sequence
from datetime import date
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.evaluation.backtest.chosen_plan import days_of
from fraud.evaluation.backtest.history import BacktestHistory
from fraud.evaluation.backtest.summary import CANDIDATES
from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.metrics import DAY_MS
from fraud.money.texts import sum_text
from fraud.training.splits import TimeRange

WIDTH = 80
_COLUMNS = ("average precision", "precision", "recall", "money saved")
_NAMES = ("average_precision", "precision", "recall", "money_saved")


def summary_lines(summary: dict[str, Any]) -> Iterator[str]:
    """The figures that `flows/backtest.py` returns, as lines of at most 80 columns."""
    used = summary["used"]
    yield ""
    yield f"history    {used['rows']}"
    yield f"           {used['labels']}"
    yield from wrap(f"used       {used['days']}", WIDTH, subsequent_indent=" " * 11)
    yield f"alerts     {_alerts(summary)}"
    yield ""
    yield f"{'mean over folds':<20}" + "".join(f"{name:>{len(name) + 3}}" for name in _COLUMNS)
    for name, figures in summary["mean"].items():
        yield f"{name:<20}" + "".join(_cells(figures, summary["currency"]))
    yield ""
    yield from wrap(_conclusion(summary), WIDTH)
    for name in ("report", "json"):
        if used[name]:
            yield f"{name:<11}{used[name]}"


def used_of_files(transactions: pa.Table, labels: pa.Table, rejected: int) -> dict[str, str]:
    """How many rows and labels of a user's files could be used, and which days they cover."""
    first, last = days_of(transactions["timestamp"].to_numpy())
    frauds = len(fraud_times(transactions, labels))
    return {
        "rows": f"{transactions.num_rows:,} transactions used, {rejected:,} rows rejected",
        "labels": f"{labels.num_rows:,} labels used; {frauds:,} transactions are fraud"
        f" ({frauds / transactions.num_rows:.2%})",
        "days": _period(first, last),
    }


def used_of_lake(history: BacktestHistory, first: date, last: date) -> dict[str, str]:
    """How many of the lake's training rows are in the periods that the plan needs."""
    frauds = history.data.frauds
    return {
        "rows": f"{len(history.data):,} training rows of the lake",
        "labels": f"{frauds:,} of them are fraud",
        "days": _period(first, last),
    }


def used_days(results: Sequence[FoldResult], covered: str) -> str:
    """The days that were trained and tested on, of those covered."""
    trained, tested = (_days([getattr(one.fold, name) for one in results]) for name in ("train", "test"))
    return f"{trained} days to train and {tested} to test, of {covered}"


def fraud_times(transactions: pa.Table, labels: pa.Table) -> npt.NDArray[np.int64]:
    """The event times (ms) of the transactions that a label calls fraud."""
    ids = labels.filter(labels["is_fraud"])["transaction_id"]
    is_fraud = pc.is_in(transactions["transaction_id"], value_set=pc.unique(ids))
    return np.asarray(transactions["timestamp"].filter(is_fraud).to_numpy(), dtype=np.int64)


def _days(periods: Sequence[TimeRange]) -> int:
    """Different days of periods that may overlap."""
    return len({day for one in periods for day in range(one.start // DAY_MS, -(-one.end // DAY_MS))})


def _period(first: date, last: date) -> str:
    return f"the {(last - first).days + 1} from {first} to {last} (UTC)"


def _cells(figures: dict[str, Any], currency: str) -> Iterator[str]:
    for name, column in zip(_NAMES, _COLUMNS, strict=True):
        mean = figures[name]["mean"]
        text = "-" if mean is None else sum_text(mean, currency) if name == "money_saved" else f"{mean:.3f}"
        yield f"{text:>{len(column) + 3}}"


def _alerts(summary: dict[str, Any]) -> str:
    model = next(iter(summary["mean"]))
    alerts = [fold[CANDIDATES][model]["alerts_per_day"] for fold in summary["folds"]]
    return f"the model would have raised {sum(alerts) / len(alerts):,.1f} a day"


def _conclusion(summary: dict[str, Any]) -> str:
    """The model against the best baseline, by average precision."""
    means = {name: one["average_precision"]["mean"] or 0.0 for name, one in summary["mean"].items()}
    model, *others = means
    best = max(others, key=means.__getitem__)
    is_better = "better than" if means[model] > means[best] else "no better than"
    return (
        f"The model is {is_better} the best baseline, {best}: average precision "
        f"{means[model]:.3f} against {means[best]:.3f}."
    )
