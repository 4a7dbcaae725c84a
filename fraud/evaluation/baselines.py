"""Baselines that a model must beat: a constant, the amount, and a logistic regression."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.training.dataset import Dataset

Floats = npt.NDArray[np.float64]

_FIT_ROWS = 200_000


@dataclass(frozen=True)
class BaselineScores:
    """A baseline's scores in [0, 1] of the validation and the test rows."""

    name: str
    validation: Floats
    test: Floats


def baselines(train: Dataset, validation: Dataset, test: Dataset, seed: int = 0) -> list[BaselineScores]:
    """Every baseline, fitted on `train`."""
    return [
        _constant(train, validation, test),
        _amount_rule(train, validation, test),
        _logistic_regression(train, validation, test, seed),
    ]


def _constant(train: Dataset, validation: Dataset, test: Dataset) -> BaselineScores:
    weights = train.weights
    rate = train.frauds / max(len(train), 1)
    if weights is not None:
        rate = float(np.average(train.labels, weights=weights))
    return BaselineScores("constant", np.full(len(validation), rate), np.full(len(test), rate))


def _amount_rule(train: Dataset, validation: Dataset, test: Dataset) -> BaselineScores:
    """The larger the payment the more suspicious: the share of training payments that are smaller."""
    known = np.sort(train.amounts)

    def share_below(data: Dataset) -> Floats:
        return np.searchsorted(known, data.amounts) / max(len(known), 1)

    return BaselineScores("amount rule", share_below(validation), share_below(test))


def _logistic_regression(train: Dataset, validation: Dataset, test: Dataset, seed: int) -> BaselineScores:
    """On signed logarithms, standardised; unknown values are medians with an indicator."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    model = make_pipeline(
        FunctionTransformer(_signed_log),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=200),
    )
    chosen = np.sort(np.random.default_rng(seed).permutation(len(train))[:_FIT_ROWS])
    weights = None if train.weights is None else train.weights[chosen]
    model.fit(train.rows[chosen], train.labels[chosen], logisticregression__sample_weight=weights)
    return BaselineScores(
        "logistic regression",
        model.predict_proba(validation.rows)[:, 1].astype(np.float64),
        model.predict_proba(test.rows)[:, 1].astype(np.float64),
    )


def _signed_log(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(np.sign(rows) * np.log1p(np.abs(rows)))
