"""The compiled forest is XGBoost, bit for bit."""

from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings

from fraud.native.forest import compile_forest, supported_trees
from tests.fraud.native import tree_reference
from tests.fraud.native.boosters import boosters_and_rows, random_rows, train


def _booster(**params: Any) -> xgb.Booster:
    return train(random_rows(3_000, 9), **params)


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
    rows = random_rows(1_000, 9)

    # when
    forest = compile_forest(booster)

    # then
    assert forest is not None
    assert np.array_equal(forest.margin(rows), booster.inplace_predict(rows, predict_type="margin"))
    assert forest.margin(rows[:0]).shape == (0,)


@given(boosters_and_rows())
@settings(max_examples=40, deadline=None)
def test_margins_equal_those_of_the_reference(drawn: tuple[xgb.Booster, np.ndarray]) -> None:
    # given any small booster
    booster, rows = drawn
    forest, trees = compile_forest(booster), supported_trees(booster)
    assert forest is not None
    assert trees is not None

    # then
    walked = [tree_reference.margin(trees, forest.base_margin, row) for row in rows]
    assert forest.margin(rows).tolist() == walked


def test_a_row_scores_the_same_alone_and_in_company() -> None:
    # given
    forest, rows = compile_forest(_booster(max_depth=5)), random_rows(300, 9)
    assert forest is not None

    # then
    alone = np.concatenate([forest.margin(row[np.newaxis]) for row in rows])
    assert np.array_equal(alone, forest.margin(rows))


@pytest.mark.parametrize("params", [{"booster": "dart"}, {"booster": "gblinear"}])
def test_unsupported_boosters_are_left_to_xgboost(params: dict[str, object]) -> None:
    assert compile_forest(_booster(**params)) is None


def test_more_features_than_the_column_bits_hold_are_left_to_xgboost() -> None:
    # given
    rows = random_rows(50, 600)
    booster = xgb.train(
        {"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(rows, np.arange(50) % 2), 1
    )

    # then
    assert compile_forest(booster) is None
