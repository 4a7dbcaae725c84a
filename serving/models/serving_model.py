"""A model as it scores and explains in a worker: compiled where possible."""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.native.forest import Forest, compile_forest
from fraud.native.shapley import Shapley, compile_shapley
from fraud.registry.bundle import ModelBundle, describe, probe_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServingModel:
    """A bundle with its compiled trees; where `forest` or `shapley` is None, XGBoost itself computes."""

    bundle: ModelBundle
    forest: Forest | None
    shapley: Shapley | None

    @property
    def version(self) -> str:
        """The version in the registry."""
        return self.bundle.version

    def score(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """What `ModelBundle.score` returns, shape (N,), of rows of shape (N, F)."""
        if self.forest is None:
            return self.bundle.score(rows)
        return self.bundle.metadata.calibration.apply(self.forest.margin(rows).astype(np.float64))

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What `ModelBundle.contributions` returns, shape (N, F)."""
        return self.bundle.contributions(rows) if self.shapley is None else self.shapley.contributions(rows)


def prepare_model(bundle: ModelBundle) -> ServingModel:
    """Compile a checked bundle, then score and explain once so that the first batch waits for nothing."""
    forest, shapley = compile_forest(bundle.booster), compile_shapley(bundle.booster)
    if forest is None:
        log.warning("%s has no compiled trees; XGBoost scores, more slowly", describe(bundle))
    if shapley is None:
        log.warning("%s has no compiled SHAP table; XGBoost explains, more slowly", describe(bundle))
    model = ServingModel(bundle, forest, shapley)
    rows = probe_rows(len(bundle.metadata.feature_names))
    model.score(rows)
    model.contributions(rows)
    return model
