"""From a booster's margin to a probability: fitted on validation, stored as numbers, without pickle.

Isotonic regression is the most flexible, but its plateaus would tie scores and lose the ranking that
card precision at k and capacity thresholds depend on. Its blocks are therefore joined by straight lines
(centred isotonic regression, Oron & Flournoy 2017) and tilted slightly by the booster's own probability, so
that every calibration here is strictly increasing in the margin and leaves the ranking as it was.
"""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Floats = npt.NDArray[np.float64]

TILT = 1e-4
"""Share of the booster's own probability in an isotonic calibration: enough to break every tie."""


class _CalibrationModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_CalibrationModel):
    """The booster's own probability."""

    kind: Literal["identity"] = "identity"

    def apply(self, margin: Floats) -> Floats:
        """Probabilities for margins (log-odds), both shape (N,)."""
        return _sigmoid(margin)


class Platt(_CalibrationModel):
    """A logistic curve over the margin (Platt 1999); `slope` is positive."""

    kind: Literal["platt"] = "platt"
    slope: float = Field(gt=0)
    intercept: float

    def apply(self, margin: Floats) -> Floats:
        """Probabilities for margins (log-odds), both shape (N,)."""
        return _sigmoid(self.slope * margin + self.intercept)


class Isotonic(_CalibrationModel):
    """Straight lines between `knots` (margins, increasing) with `values` (probabilities, not decreasing)."""

    kind: Literal["isotonic"] = "isotonic"
    knots: tuple[float, ...] = Field(min_length=1)
    values: tuple[float, ...] = Field(min_length=1)

    def apply(self, margin: Floats) -> Floats:
        """Probabilities for margins (log-odds), both shape (N,)."""
        line = np.interp(margin, self.knots, self.values)
        return (1.0 - TILT) * line + TILT * _sigmoid(margin)


Calibration = Annotated[Identity | Platt | Isotonic, Field(discriminator="kind")]


def _sigmoid(margin: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(margin, -500.0, 500.0)))


def fit_calibration(
    margin: Floats, labels: npt.NDArray[np.int8], weights: Floats | None = None
) -> Identity | Platt | Isotonic:
    """The better of Platt and isotonic for margins, labels and weights of the validation rows, shape (N,).

    Each is fitted on one half of the rows (every other one in time) and evaluated by log loss on the other;
    the winner is fitted on all. Isotonic must win clearly, because it has more parameters to overfit. With
    one class only there is nothing to fit and the booster's own probability stays.
    """
    if len(np.unique(labels)) < 2:
        return Identity()
    if labels[::2].min() == labels[::2].max():
        return fit_platt(margin, labels, weights)
    fitted, held_out = slice(None, None, 2), slice(1, None, 2)
    parts = margin[fitted], labels[fitted], None if weights is None else weights[fitted]
    held_weights = None if weights is None else weights[held_out]
    platt = log_loss(labels[held_out], fit_platt(*parts).apply(margin[held_out]), held_weights)
    isotonic = log_loss(labels[held_out], fit_isotonic(*parts).apply(margin[held_out]), held_weights)
    fit = fit_isotonic if isotonic < 0.99 * platt else fit_platt
    return fit(margin, labels, weights)


def fit_platt(margin: Floats, labels: npt.NDArray[np.int8], weights: Floats | None = None) -> Platt:
    """Platt's logistic curve with his smoothed targets, by Newton's method.

    After Lin, Lin & Weng, "A note on Platt's probabilistic outputs for support vector machines", 2007.
    """
    factor = 1 if weights is None else weights
    positives = int(labels.sum()) if weights is None else float(weights @ labels)
    negatives = (len(labels) if weights is None else float(weights.sum())) - positives
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = 1.0, 0.0
    for _ in range(100):
        probability = _sigmoid(slope * margin + intercept)
        curvature = factor * np.maximum(probability * (1 - probability), 1e-12)
        residual = factor * (probability - targets)
        hessian = np.array(
            [
                [curvature @ margin**2 + 1e-9, curvature @ margin],
                [curvature @ margin, curvature.sum() + 1e-9],
            ]
        )
        step = np.linalg.solve(hessian, [residual @ margin, residual.sum()])
        size = min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        slope, intercept = max(slope - size * step[0], 1e-3), intercept - size * step[1]
        if float(np.abs(step).max()) < 1e-9:
            break
    return Platt(slope=float(slope), intercept=float(intercept))


def fit_isotonic(margin: Floats, labels: npt.NDArray[np.int8], weights: Floats | None = None) -> Isotonic:
    """Isotonic regression, its blocks drawn together to their centres."""
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(margin, kind="stable")
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(
        margin[order], labels[order], sample_weight=None if weights is None else weights[order]
    )
    starts = np.append(0, np.flatnonzero(np.diff(fitted)) + 1)
    factor = np.ones(len(order)) if weights is None else weights[order]
    centres = np.add.reduceat(margin[order] * factor, starts) / np.add.reduceat(factor, starts)
    knots, first = np.unique(centres, return_index=True)
    return Isotonic(knots=tuple(knots.tolist()), values=tuple(fitted[starts][first].tolist()))


def log_loss(labels: npt.NDArray[np.int8], probabilities: Floats, weights: Floats | None = None) -> float:
    """Mean negative log-likelihood."""
    bounded = np.clip(probabilities, 1e-9, 1 - 1e-9)
    losses = np.where(labels == 1, np.log(bounded), np.log1p(-bounded))
    return float(-np.mean(losses) if weights is None else -np.average(losses, weights=weights))
