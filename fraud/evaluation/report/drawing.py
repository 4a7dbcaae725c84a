"""Which charts the report has, and what they show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from fraud.evaluation.backtest.summary import Summary
from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.report.charts import Axis, Line, column_chart, line_chart, percent
from fraud.evaluation.report.figures import (
    Pooled,
    calibration,
    daily_card_precision,
    precision_recall,
    savings,
)
from fraud.evaluation.report.texts import LOOKS, Money


@dataclass(frozen=True)
class Chart:
    """A chart with its words; `legend` pairs names with looks."""

    title: str
    caption: str
    svg: str
    legend: list[tuple[str, str]] = field(default_factory=list)


def draw_charts(results: Sequence[FoldResult], pooled: Sequence[Pooled], summary: Summary) -> list[Chart]:
    """Every chart, over the test rows of all folds; the first contender is the model."""
    names = [one.name for one in results[0].scored]
    return [
        _precision_recall(pooled, names),
        _savings(results, pooled, names, summary["review_cost"]),
        _calibration(pooled[0]),
        _card_precision(results, summary["plan"]["k"]),
    ]


def _precision_recall(pooled: Sequence[Pooled], names: list[str]) -> Chart:
    lines = [
        Line(name, LOOKS[number], *precision_recall(one))
        for number, (one, name) in enumerate(zip(pooled, names, strict=True))
    ]
    return Chart(
        "Precision and recall",
        "Every threshold there is: how much of the fraud is found, and how many of the alerts are right.",
        line_chart(
            "Precision against recall",
            lines[::-1],
            Axis("recall", 0, 1, percent),
            Axis("precision", 0, 1, percent),
        ),
        _legend(names),
    )


def _savings(results: Sequence[FoldResult], pooled: Sequence[Pooled], names: list[str], cost: int) -> Chart:
    money = Money.of(results)
    alerts, saved = savings(pooled[0], results, cost)
    top = max(float(saved.max()), 1.0) * 1.08
    lines = [
        Line(name, LOOKS[number], *savings(one, results, cost, float(alerts[-1])))
        for number, (one, name) in enumerate(zip(pooled, names, strict=True))
    ]
    return Chart(
        "Money saved against the cost of reviews",
        f"More alerts catch more, and each costs {money.show(cost)}; the best threshold is at the top.",
        line_chart(
            "Money saved against alerts a day",
            lines[::-1],
            Axis("alerts a day", 0, float(alerts[-1]) * 1.0001, lambda value: f"{value:,.6g}"),
            Axis(f"saved {money.currency}", 0, top, lambda value: _short(value / 10**money.digits)),
        ),
        _legend(names),
    )


def _calibration(model: Pooled) -> Chart:
    mean, observed = calibration(model)
    ends = np.array([0.0, 1.0])
    return Chart(
        "Calibration",
        "Payments in groups of similar score: what the model said, and what came true.",
        line_chart(
            "Observed share of fraud against score",
            [Line("perfect", "ideal", ends, ends), Line("model", "model", mean, observed, dots=True)],
            Axis("mean score", 0, 1, percent),
            Axis("share of fraud", 0, 1, percent),
        ),
        [("model", "model"), ("perfectly calibrated", "ideal")],
    )


def _card_precision(results: Sequence[FoldResult], k: int) -> Chart:
    days, shares = daily_card_precision(results, 0, k)
    top = max(float(shares.max()) * 1.1, 0.01)
    show = percent if top > 0.05 else (lambda value: f"{value * 100:.1f}%")
    return Chart(
        f"Card precision@{k} by day",
        "The share of fraudulent cards among those looked at; dashed the mean.",
        column_chart(
            f"Card precision at {k} by day",
            [datetime.fromtimestamp(day / 1_000, UTC).strftime("%d %b") for day in days],
            shares,
            float(shares.mean()),
            Axis(f"fraudulent of {k} cards", 0, top, show),
        ),
    )


def _legend(names: list[str]) -> list[tuple[str, str]]:
    return list(zip(names, LOOKS, strict=True))


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
