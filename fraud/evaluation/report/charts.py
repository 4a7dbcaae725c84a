"""The report's charts as SVG elements, over the test rows of all folds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from fraud.evaluation.backtest.summary import Summary
from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.drawing import PALETTE, SERIES, as_svg, draw_line, page_canvas
from fraud.evaluation.report.figures import (
    Floats,
    Pooled,
    calibration,
    daily_card_precision,
    precision_recall,
    savings,
)
from fraud.evaluation.report.texts import Money

WIDTH, HEIGHT = 570, 320

_POINTS = 250
_DATES = 6
"""The most dates below the columns."""


@dataclass(frozen=True)
class Chart:
    """A chart with its title, caption and legend; `legend` pairs names with colours of the page."""

    title: str
    caption: str
    svg: str
    legend: list[tuple[str, str]] = field(default_factory=list)


def draw_charts(results: Sequence[FoldResult], pooled: Sequence[Pooled], summary: Summary) -> list[Chart]:
    """Every chart; the first of `pooled` is the model."""
    names = [one.name for one in results[0].scored]
    return [
        _precision_recall(pooled, names),
        _savings(results, pooled, names, summary["review_cost"]),
        _calibration(pooled[0]),
        _card_precision(results, summary["plan"]["k"]),
    ]


def _precision_recall(pooled: Sequence[Pooled], names: list[str]) -> Chart:
    with page_canvas(WIDTH, HEIGHT) as (figure, axes):
        lines = _series(axes, names, [precision_recall(one) for one in pooled])
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
        _show_percent(axes)
        svg = as_svg(figure, "Precision against recall", lines)
    return Chart(
        "Precision and recall",
        "Every possible threshold: how much of the fraud is found, and how many of the alerts are right.",
        svg,
        _legend(names),
    )


def _savings(results: Sequence[FoldResult], pooled: Sequence[Pooled], names: list[str], cost: int) -> Chart:
    money = Money.of(results)
    alerts, saved = savings(pooled[0], results, cost)
    most, top = float(alerts[-1]), max(float(saved.max()), 1.0) * 1.08
    curves = [savings(one, results, cost, most) for one in pooled]
    with page_canvas(WIDTH, HEIGHT) as (figure, axes):
        lines = _series(axes, names, [(days, np.clip(money_saved, 0, top)) for days, money_saved in curves])
        axes.set(
            xlabel="alerts a day", ylabel=f"saved {money.currency}".strip(), xlim=(0, most), ylim=(0, top)
        )
        axes.xaxis.set_major_formatter("{x:,.6g}")
        axes.yaxis.set_major_formatter(lambda value, _: _short(value / 10**money.digits))
        svg = as_svg(figure, "Money saved against alerts a day", lines)
    return Chart(
        "Money saved against the cost of reviews",
        f"More alerts catch more, and each costs {money.show(cost)}; the best threshold is at the top.",
        svg,
        _legend(names),
    )


def _calibration(model: Pooled) -> Chart:
    mean, observed = calibration(model)
    with page_canvas(WIDTH, HEIGHT) as (figure, axes):
        (ideal,) = axes.plot([0, 1], [0, 1], "--", color=PALETTE["constant"], linewidth=1.6)
        (line,) = axes.plot(mean, observed, "o-", color=PALETTE["model"], linewidth=2.6)
        axes.set(xlabel="mean score", ylabel="share of fraud", xlim=(0, 1), ylim=(0, 1))
        _show_percent(axes)
        svg = as_svg(figure, "Observed share of fraud against score", {ideal: "perfect", line: "model"})
    return Chart(
        "Calibration",
        "Payments in groups of similar score: the mean score, and the share that was fraud.",
        svg,
        [("model", "model"), ("perfectly calibrated", "constant")],
    )


def _card_precision(results: Sequence[FoldResult], k: int) -> Chart:
    days, shares = daily_card_precision(results, 0, k)
    top = max(float(shares.max()) * 1.1, 0.01)
    show = _percent(1 if top <= 0.05 else 0)
    dates = [datetime.fromtimestamp(day / 1_000, UTC).strftime("%d %b") for day in days]
    with page_canvas(WIDTH, HEIGHT) as (figure, axes):
        columns = axes.bar(range(len(days)), shares, color=PALETTE["model"], alpha=0.8)
        tooltips: dict[Artist, str] = {
            column: f"{date}: {show(share, 0)}"
            for column, date, share in zip(columns, dates, shares, strict=True)
        }
        mean = float(shares.mean())
        line = axes.axhline(mean, color=PALETTE["text"], linestyle="--", linewidth=1.4)
        marked = range(0, len(days), max(len(days) // _DATES, 1))
        axes.set(ylabel=f"fraudulent of {k} cards", ylim=(0, top), xticks=[*marked])
        axes.set_xticklabels([dates[day] for day in marked])
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_formatter(show)
        svg = as_svg(figure, f"Card precision at {k} by day", tooltips | {line: f"mean: {show(mean, 0)}"})
    return Chart(
        f"Card precision@{k} by day",
        "The share of fraudulent cards among those reviewed; dashed the mean.",
        svg,
    )


def _series(axes: Axes, names: list[str], curves: Sequence[tuple[Floats, Floats]]) -> dict[Artist, str]:
    """A line for each of the model and the baselines, the model's on top; returns their names as tooltips."""
    lines = {}
    for name, colour, (x, y) in reversed(list(zip(names, SERIES, curves, strict=True))):
        style = {"color": PALETTE[colour], "linewidth": 2.6 if colour == "model" else 1.6}
        lines[draw_line(axes, x, y, _POINTS, **style)] = name
    return lines


def _show_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(_percent(0))
    axes.yaxis.set_major_formatter(_percent(0))


def _percent(digits: int) -> Callable[[float, object], str]:
    return lambda value, _: f"{value * 100:.{digits}f}%"


def _legend(names: list[str]) -> list[tuple[str, str]]:
    return list(zip(names, SERIES, strict=True))


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
