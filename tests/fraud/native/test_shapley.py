"""The compiled contributions are XGBoost's SHAP values."""

from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings

import fraud.native.shapley_table
from fraud.native.forest import supported_trees
from fraud.native.shapley import compile_shapley
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
        {"max_depth": 4, "base_score": 0.03, "scale_pos_weight": 20.0},
        {"max_depth": 3, "gamma": 1e9},
    ],
)
def test_contributions_are_those_of_xgboost(params: dict[str, object]) -> None:
    # given trees whose paths split several times on one feature, and rows with unknown values
    booster, rows = _booster(**params), random_rows(200, 9)
    # when
    shapley = compile_shapley(booster)
    # then
    assert shapley is not None
    expected = booster.predict(xgb.DMatrix(rows), pred_contribs=True)[:, :-1]
    assert np.allclose(shapley.contributions(rows), expected, rtol=0, atol=1e-4)
    assert shapley.contributions(rows[:0]).shape == (0, 9)


@given(boosters_and_rows())
@settings(max_examples=20, deadline=None)
def test_contributions_are_the_mean_over_all_orders_of_features(
    drawn: tuple[xgb.Booster, np.ndarray],
) -> None:
    # given any small booster
    booster, rows = drawn
    shapley, trees = compile_shapley(booster), supported_trees(booster)
    assert shapley is not None
    assert trees is not None
    # then its contributions are Shapley's definition
    expected = [tree_reference.shap_values(trees, row) for row in rows[:3]]
    assert np.allclose(shapley.contributions(rows[:3]), expected, rtol=0, atol=1e-5)


def test_a_booster_with_too_large_a_table_is_left_to_xgboost(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a table without room
    monkeypatch.setattr(fraud.native.shapley_table, "_MAX_ENTRIES", 0)
    # then
    assert compile_shapley(_booster(max_depth=6)) is None


def test_an_unsupported_booster_is_left_to_xgboost() -> None:
    # given trees that are dropped at random, whose weights are not in their leaves
    booster = _booster(booster="dart", rate_drop=0.2)
    # then
    assert compile_shapley(booster) is None
