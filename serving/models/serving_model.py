"""A model as it scores and explains in a worker: compiled where possible."""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.native.forest import Forest, compile_forest
from fraud.native.shapley import Shapley, compile_shapley
from fraud.registry.bundle import ModelBundle, describe, probe_rows

log = logging.getLogger(__name__)

Columns = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ServingModel:
    """A bundle with its compiled trees; where `forest` or `shapley` is None, XGBoost itself computes.

    Attributes:
        columns: which of the engine's features the model takes, in its order, (F,); None: all as they are.
    """

    bundle: ModelBundle
    forest: Forest | None
    shapley: Shapley | None
    columns: Columns | None = None

    @property
    def version(self) -> str:
        """The version in the registry."""
        return self.bundle.version

    def score(self, engine_rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """What `ModelBundle.score` returns, shape (N,), of the engine's rows, shape (N, features)."""
        rows = self._select(engine_rows)
        if self.forest is None:
            return self.bundle.score(rows)
        return self.bundle.metadata.calibration.apply(self.forest.margin(rows).astype(np.float64))

    def contributions(self, engine_rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Each feature's share in the log-odds, shape (N, features); 0 of those that it does not take."""
        rows = self._select(engine_rows)
        shares = self.bundle.contributions(rows) if self.shapley is None else self.shapley.contributions(rows)
        if self.columns is None:
            return shares
        spread = np.zeros(engine_rows.shape, dtype=np.float32)
        spread[:, self.columns] = shares
        return spread

    def _select(self, engine_rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return engine_rows if self.columns is None else np.take(engine_rows, self.columns, axis=1)


def prepare_model(definitions: Definitions, bundle: ModelBundle) -> ServingModel:
    """Compile a checked bundle, then score and explain once so that the first batch waits for nothing.

    Raises:
        IncompatibleModelError: it needs a feature that the definitions do not have.
    """
    columns = bundle.selection(definitions)
    forest, shapley = compile_forest(bundle.booster), compile_shapley(bundle.booster)
    if forest is None:
        log.warning("%s has no compiled trees; XGBoost scores, more slowly", describe(bundle))
    if shapley is None:
        log.warning("%s has no compiled SHAP table; XGBoost explains, more slowly", describe(bundle))
    model = ServingModel(bundle, forest, shapley, columns)
    rows = probe_rows(len(definitions.features))
    model.score(rows)
    model.contributions(rows)
    return model
