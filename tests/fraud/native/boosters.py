"""Small boosters and rows with every magnitude and unknown values."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from hypothesis import strategies as st

GENERATOR = np.random.Generator(np.random.PCG64(5))


def random_rows(
    count: int, features: int, generator: np.random.Generator = GENERATOR
) -> npt.NDArray[np.float32]:
    """Rows, shape (count, features), every fifth value NaN, the first column of whole numbers."""
    rows = generator.lognormal(2, 2, size=(count, features)).astype(np.float32)
    rows[generator.random(rows.shape) < 0.2] = np.nan
    rows[:, 0] = np.round(rows[:, 0])
    return rows


def train(rows: npt.NDArray[np.float32], rounds: int = 40, **params: Any) -> xgb.Booster:
    """A booster of these rows, whose labels depend on the first and the last feature."""
    labels = (np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, -1]) > 30).astype(int)
    settings = {"objective": "binary:logistic", "nthread": 1, "eta": 0.2} | params
    return xgb.train(settings, xgb.DMatrix(rows, labels), num_boost_round=rounds)


@st.composite
def boosters_and_rows(draw: st.DrawFn) -> tuple[xgb.Booster, npt.NDArray[np.float32]]:
    """A booster of up to five features and five trees, and rows to predict."""
    generator = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32 - 1))))
    features = draw(st.integers(1, 5))
    booster = train(
        random_rows(200, features, generator),
        rounds=draw(st.integers(1, 5)),
        max_depth=draw(st.integers(1, 7)),
        min_child_weight=draw(st.sampled_from([0.0, 1.0, 5.0])),
        base_score=draw(st.sampled_from([0.01, 0.2, 0.5])),
    )
    return booster, random_rows(8, features, generator)
