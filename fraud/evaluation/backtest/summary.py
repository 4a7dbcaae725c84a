"""The figures of a backtest as JSON: of every fold, and mean and deviation over the folds."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.metrics import Estimate, Evaluation
from fraud.training.splits import TimeRange

Summary = dict[str, Any]

CANDIDATES = "contenders"
"""The name of a fold's candidates in the summary, as readers of the JSON file know it."""

FIGURES = {
    "average_precision": "average_precision",
    "auc": "auc",
    "card_precision_at_k": "card_precision",
    "precision": "precision",
    "recall": "recall",
    "recall_at_precision": "recall_at_precision",
    "money_saved": "money_saved",
}
"""Name in the summary and attribute of an evaluation, of the figures that are averaged over folds."""


def summarise(results: Sequence[FoldResult], about: Summary) -> Summary:
    """The figures of a backtest.

    Args:
        results: at least one fold.
        about: further entries, on the data and the plan; the folds' notes join its `warnings`.
    """
    names = [one.name for one in results[0].scored]
    notes = [note for result in results for note in result.notes]
    return about | {
        "warnings": [*about.get("warnings", ()), *notes],
        "mean": {name: _over_folds([fold.evaluations[name] for fold in results]) for name in names},
        "folds": [_fold(result) for result in results],
    }


def as_markdown(summary: Summary) -> str:
    """Mean and deviation over the folds, as a table."""
    head = ["", *(name.replace("_", " ") for name in FIGURES)]
    rows = [
        [name, *(_with_deviation(**figures[figure]) for figure in FIGURES)]
        for name, figures in summary["mean"].items()
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _with_deviation(mean: float | None, deviation: float | None) -> str:
    if mean is None:
        return "-"
    return f"{mean:,.3f}" if deviation is None else f"{mean:,.3f} ± {deviation:,.3f}"


def _over_folds(evaluations: list[Evaluation]) -> Summary:
    found = {}
    for name, attribute in FIGURES.items():
        values = [getattr(one, attribute).value for one in evaluations]
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
        found[name] = {"mean": _finite(np.mean(values)), "deviation": _finite(deviation)}
    return found


def _fold(result: FoldResult) -> Summary:
    return {
        "train": _period(result.fold.train)
        | {"rows": result.trained_on, "known_frauds": result.known_frauds},
        "test": _period(result.fold.test) | {"rows": len(result.test), "frauds": result.test.frauds},
        CANDIDATES: {
            one.name: _evaluation(result.evaluations[one.name]) | {"threshold_reason": one.reason}
            for one in result.scored
        },
    }


def _evaluation(evaluation: Evaluation) -> Summary:
    figures = {name: _estimate(getattr(evaluation, attribute)) for name, attribute in FIGURES.items()}
    return figures | {
        "threshold": evaluation.threshold,
        "alerts_per_day": evaluation.alerts_per_day,
        "brier": evaluation.brier,
        "fraud_amount": evaluation.fraud_amount,
    }


def _estimate(estimate: Estimate) -> Summary:
    return {name: _finite(value) for name, value in vars(estimate).items()}


def _period(period: TimeRange) -> Summary:
    return {"start": _moment(period.start), "end": _moment(period.end)}


def _moment(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).date().isoformat()


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
