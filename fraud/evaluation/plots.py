"""Plots of one training, for people: every figure has a title that says what to see in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import optuna
import xgboost as xgb
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from optuna.trial import TrialState

from fraud.evaluation.metrics import Floats, Ranked
from fraud.features.spec import feature_text
from fraud.training.dataset import Dataset
from fraud.training.thresholds import savings_curve

BLUE, ORANGE, GREY, RED = "#2f6fab", "#e08a1e", "#8a8f98", "#c0392b"

_STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "axes.edgecolor": "#5b616b",
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "legend.frameon": False,
    "figure.dpi": 120,
}

_MOST_POINTS = 2_000


def precision_recall_plot(test: Dataset, scores: dict[str, Floats], threshold: float) -> Figure:
    """Precision against recall on the test rows; the first of `scores` is the model, with its threshold."""
    with _canvas("Precision and recall on the test period") as (figure, axes):
        for colour, (name, values) in zip((BLUE, ORANGE, GREY, RED), scores.items(), strict=False):
            ranked = Ranked.of(test.labels, values)
            precision, recall = ranked.precision_recall()
            label = f"{name} (AP {ranked.average_precision():.3f})"
            _line(axes, recall, precision, color=colour, label=label, linewidth=2 if colour == BLUE else 1.3)
        flagged = next(iter(scores.values())) >= threshold
        hits = float(test.labels[flagged].sum())
        axes.plot(
            hits / max(test.frauds, 1), hits / max(flagged.sum(), 1), "o", color=BLUE, markersize=8,
            label="chosen threshold",
        )  # fmt: skip
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
        axes.legend(loc="lower left")
    return figure


def calibration_plot(test: Dataset, scores: Floats, bins: int = 12) -> Figure:
    """Predicted against observed fraud rate, in bins of equally many frauds, on logarithmic axes."""
    with _canvas("Calibration on the test period") as (figure, axes):
        order = np.argsort(scores, kind="stable")
        expected = np.cumsum(scores[order])
        edges = np.searchsorted(expected, np.linspace(0, expected[-1], bins + 1)[1:-1])
        groups = [part for part in np.split(order, np.unique(edges)) if len(part)]
        predicted = np.array([scores[part].mean() for part in groups])
        observed = np.array([test.labels[part].mean() for part in groups])
        seen = observed > 0
        lowest = min(predicted.min(), observed[seen].min() if seen.any() else 1.0)
        axes.plot([lowest, 1], [lowest, 1], "--", color=GREY, linewidth=1, label="perfect")
        axes.plot(predicted[seen], observed[seen], "o-", color=BLUE, label="model")
        axes.set(xscale="log", yscale="log", xlabel="predicted probability", ylabel="observed share of fraud")
        axes.legend(loc="upper left")
    return figure


def savings_plot(test: Dataset, scores: Floats, threshold: float, review_cost: int) -> Figure:
    """Money saved by every threshold on the test rows, after the cost of reviews."""
    with _canvas("Money saved by the threshold, test period") as (figure, axes):
        values, saved = savings_curve(test, scores, review_cost)
        _line(axes, values, saved / 100, color=BLUE, linewidth=2)
        axes.axvline(threshold, color=ORANGE, linestyle="--", label=f"chosen: {threshold:.3g}")
        axes.axhline(0, color=GREY, linewidth=1)
        axes.set(xscale="log", xlabel="threshold", ylabel="saved (major units)")
        best = float(saved.max()) / 100
        lowest = min(-0.3 * best, 0)
        axes.set_ylim(lowest, 1.1 * best if best > 0 else None)
        if best > 0:
            axes.set_xlim(max(float(values[saved / 100 >= lowest].min()), 1e-6) / 1.5, 1.2)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.legend(loc="lower right")
    return figure


def importance_plot(booster: xgb.Booster, most: int = 20) -> Figure:
    """The features that the trees gain most by."""
    gains = booster.get_score(importance_type="total_gain")
    total = sum(gains.values()) or 1.0
    top = sorted(gains.items(), key=lambda item: item[1])[-most:]
    with _canvas("What the model looks at", size=(8, 6)) as (figure, axes):
        names = [feature_text(name) for name, _ in top]
        axes.barh(names, [gain / total for _, gain in top], color=BLUE)
        axes.set(xlabel="share of the total gain")
        axes.grid(visible=False, axis="y")
    return figure


def study_plot(study: optuna.Study) -> Figure:
    """How the search went: every finished trial, where the others were pruned, and the best so far."""
    numbers, values = _trials(study, TrialState.COMPLETE)
    with _canvas("Search: average precision over the folds") as (figure, axes):
        axes.plot(*_trials(study, TrialState.PRUNED), "x", color=GREY, label="pruned")
        axes.plot(numbers, values, "o", color=BLUE, label="trial")
        best = np.maximum.accumulate(values)
        axes.plot(numbers, best, color=BLUE, linewidth=2, drawstyle="steps-post", label="best so far")
        axes.set(xlabel="trial", ylabel="mean average precision")
        axes.legend(loc="lower right")
    return figure


def _trials(study: optuna.Study, state: TrialState) -> tuple[list[int], list[float]]:
    """Numbers from 1 and values of the trials in a state."""
    found = study.get_trials(deepcopy=False, states=(state,))
    return [trial.number + 1 for trial in found], [trial.value or 0.0 for trial in found]


def strategy_plot(study: optuna.Study) -> Figure:
    """Which imbalance strategies and windows earned their place."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    by_strategy: dict[str, list[float]] = {}
    for trial in complete:
        by_strategy.setdefault(str(trial.params["imbalance"]), []).append(trial.value or 0.0)
    with _canvas("Search: by imbalance strategy") as (figure, axes):
        for place, (name, values) in enumerate(sorted(by_strategy.items())):
            axes.plot(values, [place] * len(values), "o", color=BLUE, alpha=0.6)
            axes.plot(max(values), place, "D", color=ORANGE, label="best" if place == 0 else None)
            axes.text(1.01, place, name, transform=axes.get_yaxis_transform(), va="center")
        axes.set(xlabel="mean average precision", yticks=[])
        axes.legend(loc="lower left")
    return figure


def _line(axes: Axes, x: Floats, y: Floats, **style: Any) -> None:
    """A curve of many points, thinned to what an eye can tell apart: evenly by number and along the curve."""
    way = np.cumsum(
        np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])) / max(np.ptp(y), 1e-12)
    )
    by_number = np.linspace(0, len(x) - 1, _MOST_POINTS).astype(int)
    by_way = np.searchsorted(way, np.linspace(0, way[-1], _MOST_POINTS))
    kept = np.unique(np.concatenate([by_number, np.minimum(by_way, len(x) - 1)]))
    axes.plot(x[kept], y[kept], **style)


@contextmanager
def _canvas(title: str, size: tuple[float, float] = (8, 5)) -> Iterator[tuple[Figure, Axes]]:
    """A figure of its own, which no global state of matplotlib knows of."""
    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_title(title)
        yield figure, axes
