"""Small models for tests."""

from functools import cache
from typing import Any

import numpy as np
import xgboost as xgb

from fraud.definitions.definitions import Definitions
from fraud.registry.bundle import ModelBundle, make_bundle
from tests.definitions import V1
from tests.fraud.training.synthetic import dataset


@cache
def _booster_bytes(rounds: int, columns: tuple[str, ...]) -> bytes:
    data = dataset(days=20, per_day=100)
    # As many columns as are wanted; more than there are begin again.
    rows = data.rows[:, np.arange(len(columns)) % data.rows.shape[1]]
    matrix = xgb.DMatrix(rows, data.labels, feature_names=list(columns))
    params = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": 1}
    return bytes(xgb.train(params, matrix, rounds).save_raw("ubj"))


def a_booster(rounds: int = 10, columns: tuple[str, ...] = V1.feature_names) -> xgb.Booster:
    """A fresh booster; more rounds, better ranking."""
    return xgb.Booster(model_file=bytearray(_booster_bytes(rounds, columns)))


def a_bundle(rounds: int = 10, definitions: Definitions = V1, **fields: Any) -> ModelBundle:
    """A bundle that may serve."""
    given: dict[str, Any] = {"model_name": "fraud-detector", "threshold": 0.5} | fields
    columns = given.get("feature_names", definitions.feature_names)
    return make_bundle(definitions, a_booster(rounds, columns), **given)
