"""From a booster's margin to a probability: fitted on validation, kept as plain numbers, never as a pickle.

Isotonic regression is the most flexible, but its plateaus would tie scores and with them the ranking that
card precision at k and capacity thresholds live on. Its blocks are therefore joined by straight lines
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


class _Numbers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Numbers):
    """The booster's own probability."""

    kind: Literal["identity"] = "identity"

    def apply(self, margin: Floats) -> Floats:
        """Probabilities for margins (log-odds), both shape (N,)."""
        return _sigmoid(margin)


class Platt(_Numbers):
    """A logistic curve over the margin (Platt 1999); `slope` is positive."""

    kind: Literal["platt"] = "platt"
    slope: float = Field(gt=0)
    intercept: float

    def apply(self, margin: Floats) -> Floats:
        """Probabilities for margins (log-odds), both shape (N,)."""
        return _sigmoid(self.slope * margin + self.intercept)


class Isotonic(_Numbers):
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
