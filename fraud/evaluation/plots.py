"""Plots of one training for MLflow: each has a title that says what it shows."""

import numpy as np
import optuna
import xgboost as xgb
from matplotlib.figure import Figure
from optuna.trial import TrialState

from fraud.definitions.definitions import Definitions
from fraud.evaluation.drawing import PALETTE, SERIES, canvas, draw_line
from fraud.evaluation.metrics import Floats, Ranked
from fraud.training.dataset import Dataset
from fraud.training.thresholds import savings_curve

BLUE, GREY, ORANGE = PALETTE["model"], PALETTE["constant"], PALETTE["logistic"]


def precision_recall_plot(test: Dataset, scores: dict[str, Floats], threshold: float) -> Figure:
    """Precision against recall on the test rows; the first of `scores` is the model, with its threshold."""
    with canvas("Precision and recall on the test period") as (figure, axes):
        for colour, (name, values) in zip(SERIES, scores.items(), strict=False):
            ranked = Ranked.of(test.labels, values)
            precision, recall = ranked.precision_recall(test.weights)
            label = f"{name} (AP {ranked.average_precision(test.weights):.3f})"
            draw_line(
                axes,
                recall,
                precision,
                color=PALETTE[colour],
                label=label,
                linewidth=2 if colour == "model" else 1.3,
                zorder=3 if colour == "model" else 2,
            )
        flagged = next(iter(scores.values())) >= threshold
        each = test.weight_of_each * np.ones(len(test))
        hits, alerts, frauds = (float(part.sum()) for part in (
            (each * test.labels)[flagged], each[flagged], each * test.labels,
        ))  # fmt: skip
        axes.plot(
            hits / max(frauds, 1), hits / max(alerts, 1), "o", color=BLUE, markersize=8,
            label="chosen threshold",
        )  # fmt: skip
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
        axes.legend(loc="lower left")
    return figure


def calibration_plot(test: Dataset, scores: Floats, bins: int = 12) -> Figure:
    """Predicted against observed fraud rate, in bins of equally many frauds, on logarithmic axes."""
    with canvas("Calibration on the test period") as (figure, axes):
        order = np.argsort(scores, kind="stable")
        each = test.weight_of_each * np.ones(len(test))
        expected = np.cumsum((each * scores)[order])
        edges = np.searchsorted(expected, np.linspace(0, expected[-1], bins + 1)[1:-1])
        groups = [part for part in np.split(order, np.unique(edges)) if len(part)]
        predicted = np.array([np.average(scores[part], weights=each[part]) for part in groups])
        observed = np.array([np.average(test.labels[part], weights=each[part]) for part in groups])
        seen = observed > 0
        lowest = min(predicted.min(), observed[seen].min() if seen.any() else 1.0)
        axes.plot([lowest, 1], [lowest, 1], "--", color=GREY, linewidth=1, label="perfect")
        axes.plot(predicted[seen], observed[seen], "o-", color=BLUE, label="model")
        axes.set(xscale="log", yscale="log", xlabel="predicted probability", ylabel="observed share of fraud")
        axes.legend(loc="upper left")
    return figure


def savings_plot(test: Dataset, scores: Floats, threshold: float, review_cost: int) -> Figure:
    """Money saved by every threshold on the test rows, after the cost of reviews."""
    with canvas("Money saved by the threshold, test period") as (figure, axes):
        values, saved = savings_curve(test, scores, review_cost)
        draw_line(axes, values, saved / 100, color=BLUE, linewidth=2)
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


def importance_plot(definitions: Definitions, booster: xgb.Booster, most: int = 20) -> Figure:
    """The features with the largest total gain in the trees."""
    gains = booster.get_score(importance_type="total_gain")
    total = sum(gains.values()) or 1.0
    top = sorted(gains.items(), key=lambda item: item[1])[-most:]
    with canvas("Feature importance", size=(8, 6)) as (figure, axes):
        names = [definitions.feature_text(name) for name, _ in top]
        axes.barh(names, [gain / total for _, gain in top], color=BLUE)
        axes.set(xlabel="share of the total gain")
        axes.grid(visible=False, axis="y")
    return figure


def study_plot(study: optuna.Study) -> Figure:
    """Every complete and pruned trial of the search, and the best value so far."""
    numbers, values = _trials(study, TrialState.COMPLETE)
    with canvas("Search: average precision over the folds") as (figure, axes):
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
    """The trials of each imbalance strategy, with the best of each."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    by_strategy: dict[str, list[float]] = {}
    for trial in complete:
        by_strategy.setdefault(str(trial.params["imbalance"]), []).append(trial.value or 0.0)
    with canvas("Search: by imbalance strategy") as (figure, axes):
        for row, (name, values) in enumerate(sorted(by_strategy.items())):
            axes.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.6)
            axes.plot(max(values), row, "D", color=ORANGE, label="best" if row == 0 else None)
            axes.text(1.01, row, name, transform=axes.get_yaxis_transform(), va="center")
        axes.set(xlabel="mean average precision", yticks=[])
        axes.legend(loc="lower left")
    return figure
