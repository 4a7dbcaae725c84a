"""What is searched: the booster's parameters, the length of the training window, the imbalance strategy."""

from dataclasses import dataclass
from typing import Any

import optuna

from fraud.training.imbalance import Imbalance, Strategy
from fraud.training.splits import TimeRange

Params = dict[str, Any]

WINDOW_SHARES = (0.5, 0.75, 1.0)
"""Lengths of the training window that are tried, as shares of what there is."""

WITHOUT_RESAMPLING: tuple[Strategy, ...] = ("none", "scale_pos_weight")
"""The imbalance strategies that leave the rows as they are."""

STRATEGIES: tuple[Strategy, ...] = (*WITHOUT_RESAMPLING, "undersample", "smote", "smote_tomek")

_BOOSTER = (
    "max_depth",
    "min_child_weight",
    "eta",
    "subsample",
    "colsample_bytree",
    "lambda",
    "alpha",
    "gamma",
)

_NAMES = {*_BOOSTER, "window_share", "imbalance", "positive_weight", "ratio", "neighbours"}

DEFAULT_PARAMS: Params = {
    "max_depth": 6,
    "min_child_weight": 2.0,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "lambda": 2.0,
    "alpha": 0.01,
    "gamma": 0.01,
    "window_share": 1.0,
    "imbalance": "none",
}
"""For clean streams with little fraud."""

LARGE_STREAM_PARAMS: Params = DEFAULT_PARAMS | {
    "min_child_weight": 10.0,
    "eta": 0.05,
    "colsample_bytree": 0.8,
    "lambda": 10.0,
}
"""For large streams where much of the fraud looks like legitimate payments."""

INITIAL_PARAMS = (DEFAULT_PARAMS, LARGE_STREAM_PARAMS)
"""What a study tries first when there is no champion whose parameters could be tried."""


FINE_BINS = 256
"""Histogram bins of a feature when a model is fitted."""


@dataclass(frozen=True)
class Recipe:
    """Everything needed to fit the model again on other rows."""

    booster: Params
    imbalance: Imbalance
    window_share: float
    rounds: int

    @classmethod
    def of(cls, params: Params, rounds: int) -> "Recipe":
        """The recipe that a trial's parameters describe."""
        imbalance = Imbalance(
            strategy=params["imbalance"],
            positive_weight=params.get("positive_weight", 1.0),
            ratio=params.get("ratio", 0.05),
            neighbours=params.get("neighbours", 5),
        )
        return cls({name: params[name] for name in _BOOSTER}, imbalance, params["window_share"], rounds)

    def window(self, period: TimeRange) -> TimeRange:
        """The newest part of `period`, on which the model is trained."""
        length = int((period.end - period.start) * self.window_share)
        return TimeRange(period.end - length, period.end)

    def booster_params(self, *, base_score: float, seed: int, threads: int, bins: int = FINE_BINS) -> Params:
        """Every parameter that matters, stated, because XGBoost's defaults change between releases."""
        return self.booster | {
            "objective": "binary:logistic",
            "eval_metric": "aucpr",
            "tree_method": "hist",
            "grow_policy": "depthwise",
            "max_bin": bins,
            "base_score": base_score,
            "scale_pos_weight": self.imbalance.positive_weight,
            "seed": seed,
            "nthread": threads,
        }


def suggest(trial: optuna.Trial, strategies: tuple[Strategy, ...] = STRATEGIES) -> None:
    """Draw a trial's parameters, the imbalance strategy among `strategies`."""
    trial.suggest_int("max_depth", 3, 8)
    trial.suggest_float("min_child_weight", 0.5, 50.0, log=True)
    trial.suggest_float("eta", 0.05, 0.3, log=True)
    trial.suggest_float("subsample", 0.5, 1.0)
    trial.suggest_float("colsample_bytree", 0.3, 1.0)
    trial.suggest_float("lambda", 0.1, 30.0, log=True)
    trial.suggest_float("alpha", 1e-3, 10.0, log=True)
    trial.suggest_float("gamma", 1e-3, 5.0, log=True)
    trial.suggest_categorical("window_share", WINDOW_SHARES)
    strategy = trial.suggest_categorical("imbalance", strategies)
    if strategy == "scale_pos_weight":
        trial.suggest_float("positive_weight", 1.0, 100.0, log=True)
    elif strategy != "none":
        trial.suggest_float("ratio", 0.01, 0.3, log=True)
    if strategy in ("smote", "smote_tomek"):
        trial.suggest_int("neighbours", 3, 10)


def parameters_of(params: Params, strategies: tuple[Strategy, ...] = STRATEGIES) -> Params | None:
    """The parameters of a model that a study can try again; None when they are of another search space."""
    named = {name: value for name, value in params.items() if name in _NAMES}
    complete = all(name in named for name in (*_BOOSTER, "window_share", "imbalance"))
    return named if complete and named["imbalance"] in strategies else None
