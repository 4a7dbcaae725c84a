"""From a recipe to a fitted model: booster, calibration and threshold.

The model that is tested is the model that serves. It is trained on the newest rows whose labels were known
when the test period started, and nothing is fitted again afterwards. Its calibration and threshold come from
a second model, the calibration model: it is fitted with the same recipe on the train period alone and scores
the validation period, which it has not seen (cross-fitting, as scikit-learn's
`CalibratedClassifierCV(ensemble=False)`). So the validation rows are used twice: for out-of-time scores, and
as the newest rows to train on.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from fraud.registry.bundle import calibrated
from fraud.training.calibration import Calibration, fit_calibration
from fraud.training.contracts.rows import require_both_classes
from fraud.training.dataset import Dataset
from fraud.training.imbalance import TrainingRows, resample
from fraud.training.search_space import FINE_BINS, Recipe
from fraud.training.splits import Split, TimeRange
from fraud.training.thresholds import Threshold, ThresholdRules, choose_threshold


class FitBooster(Protocol):
    """Fits a booster on all of `train`; `fit_booster` does so here."""

    def __call__(self, train: Dataset, recipe: Recipe, *, seed: int, threads: int) -> xgb.Booster:
        """The fitted booster."""


@dataclass(frozen=True)
class FittedModel:
    """A model with everything fitted; `period` is what its booster was trained on."""

    booster: xgb.Booster
    calibration: Calibration
    threshold: Threshold
    period: TimeRange
    validation_scores: npt.NDArray[np.float64]

    def score(self, data: Dataset) -> npt.NDArray[np.float64]:
        """Calibrated probabilities of the rows of `data`, shape (N,)."""
        return calibrated(self.booster, self.calibration, data.rows)


def fit_booster(train: Dataset, recipe: Recipe, *, seed: int, threads: int) -> xgb.Booster:
    """A booster fitted on all of `train`.

    Raises:
        DataError: one class only.
    """
    require_both_classes(train, "the training period")
    rows = resample(recipe.imbalance, training_rows(train), seed)
    matrix = quantile_matrix(rows, threads, train.feature_names)
    params = recipe.booster_params(base_score=base_score(rows), seed=seed, threads=threads)
    return xgb.train(params, matrix, recipe.rounds)


def fit_model(
    data: Dataset,
    split: Split,
    recipe: Recipe,
    rules: ThresholdRules,
    *,
    seed: int,
    threads: int,
    fit: FitBooster = fit_booster,
) -> FittedModel:
    """Fit the calibration model and the model, calibrate, choose the threshold.

    Labels are those known when the test period started.

    Raises:
        DataError: a period has no fraud.
    """
    data = data.as_known_at(split.test.start)
    validation = data.between(split.validation)
    require_both_classes(validation, f"the validation period {split.validation}")
    calibration_model = fit(data.between(recipe.window(split.train)), recipe, seed=seed, threads=threads)
    margin = calibration_model.inplace_predict(validation.rows, predict_type="margin").astype(np.float64)
    calibration = fit_calibration(margin, validation.labels, validation.weights)
    scores = calibration.apply(margin)
    threshold = choose_threshold(rules, validation, scores)
    period = recipe.window(split.refit)
    booster = fit(data.between(period), recipe, seed=seed, threads=threads)
    return FittedModel(booster, calibration, threshold, period, scores)


def training_rows(data: Dataset) -> TrainingRows:
    """Every row of `data`, each with the weight of the payments that it stands for."""
    weights = np.ones(len(data)) if data.weights is None else data.weights
    return TrainingRows(data.rows, data.labels, weights.astype(np.float32))


def base_score(rows: TrainingRows) -> float:
    """The weighted share of fraud: the prediction that boosting starts from."""
    share = float(np.average(rows.labels, weights=rows.weights))
    return min(max(share, 1e-6), 1 - 1e-6)


def quantile_matrix(
    rows: TrainingRows,
    threads: int,
    feature_names: tuple[str, ...] | None = None,
    bins: int = FINE_BINS,
) -> xgb.QuantileDMatrix:
    """The rows, binned once."""
    return xgb.QuantileDMatrix(
        rows.rows,
        rows.labels,
        weight=rows.weights,
        feature_names=None if feature_names is None else list(feature_names),
        max_bin=bins,
        nthread=threads,
    )
