"""Small models for tests."""

from functools import cache
from typing import Any

import xgboost as xgb

from fraud.features.spec import FEATURE_NAMES
from fraud.registry.bundle import ModelBundle, make_bundle
from tests.fraud.training.synthetic import dataset


@cache
def _booster_bytes(rounds: int, columns: tuple[str, ...]) -> bytes:
    data = dataset(days=20, per_day=100)
    matrix = xgb.DMatrix(data.rows[:, : len(columns)], data.labels, feature_names=list(columns))
    params = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": 1}
    return bytes(xgb.train(params, matrix, rounds).save_raw("ubj"))


def a_booster(rounds: int = 10, columns: tuple[str, ...] = FEATURE_NAMES) -> xgb.Booster:
    """A fresh booster; more rounds, better ranking."""
    return xgb.Booster(model_file=bytearray(_booster_bytes(rounds, columns)))


def a_bundle(rounds: int = 10, **fields: Any) -> ModelBundle:
    """A bundle that may serve."""
    given: dict[str, Any] = {"model_name": "fraud-detector", "threshold": 0.5} | fields
    return make_bundle(a_booster(rounds, given.get("feature_names", FEATURE_NAMES)), **given)
