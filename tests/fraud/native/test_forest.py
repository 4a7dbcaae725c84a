"""The compiled forest is XGBoost, bit for bit."""

import numpy as np
import pytest
import xgboost as xgb

from fraud.native.forest import compile_forest

GENERATOR = np.random.Generator(np.random.PCG64(5))


def _rows(count: int, features: int) -> np.ndarray:
    rows = GENERATOR.lognormal(2, 2, size=(count, features)).astype(np.float32)
    rows[GENERATOR.random(rows.shape) < 0.2] = np.nan
    rows[:, 0] = np.round(rows[:, 0])
    return rows


def _booster(**params: object) -> xgb.Booster:
    rows = _rows(3_000, 9)
    labels = (np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) > 30).astype(int)
    settings = {"objective": "binary:logistic", "nthread": 1, "eta": 0.2} | params
    return xgb.train(settings, xgb.DMatrix(rows, labels), num_boost_round=40)


@pytest.mark.parametrize(
    "params",
    [
        {"max_depth": 6},
        {"max_depth": 1},
        {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 40},
        {"max_depth": 4, "base_score": 0.03},
        {"max_depth": 3, "scale_pos_weight": 20.0},
        {"max_depth": 3, "gamma": 1e9},
    ],
)
def test_margins_equal_those_of_xgboost(params: dict[str, object]) -> None:
    # given
    booster = _booster(**params)
    rows = _rows(1_000, 9)

    # when
    forest = compile_forest(booster)

    # then
    assert forest is not None
    assert np.array_equal(forest.margin(rows), booster.inplace_predict(rows, predict_type="margin"))
    assert forest.margin(rows[:0]).shape == (0,)


def test_a_row_scores_the_same_alone_and_in_company() -> None:
    # given
    forest, rows = compile_forest(_booster(max_depth=5)), _rows(300, 9)
    assert forest is not None

    # then
    alone = np.concatenate([forest.margin(row[np.newaxis]) for row in rows])
    assert np.array_equal(alone, forest.margin(rows))


@pytest.mark.parametrize("params", [{"booster": "dart"}, {"booster": "gblinear"}])
def test_what_is_not_of_plain_trees_is_left_to_xgboost(params: dict[str, object]) -> None:
    assert compile_forest(_booster(**params)) is None


def test_more_features_than_a_step_has_room_for_are_left_to_xgboost() -> None:
    # given
    rows = _rows(50, 600)
    booster = xgb.train(
        {"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(rows, np.arange(50) % 2), 1
    )

    # then
    assert compile_forest(booster) is None
