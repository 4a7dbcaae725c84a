"""The compiled contributions are XGBoost's SHAP values."""

import numpy as np
import pytest
import xgboost as xgb

import fraud.native.shapley_table
from fraud.native.shapley import compile_shapley

GENERATOR = np.random.Generator(np.random.PCG64(6))


def _rows(count: int) -> np.ndarray:
    rows = GENERATOR.lognormal(2, 2, size=(count, 9)).astype(np.float32)
    rows[GENERATOR.random(rows.shape) < 0.2] = np.nan
    rows[:, 0] = np.round(rows[:, 0])
    return rows


def _booster(**params: object) -> xgb.Booster:
    rows = _rows(3_000)
    labels = (np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) > 30).astype(int)
    settings = {"objective": "binary:logistic", "nthread": 1, "eta": 0.2} | params
    return xgb.train(settings, xgb.DMatrix(rows, labels), num_boost_round=40)


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
    # given trees whose paths ask several times of one feature, and rows with unknowns
    booster, rows = _booster(**params), _rows(200)
    # when
    shapley = compile_shapley(booster)
    # then
    assert shapley is not None
    wanted = booster.predict(xgb.DMatrix(rows), pred_contribs=True)[:, :-1]
    assert np.allclose(shapley.contributions(rows), wanted, rtol=0, atol=1e-4)
    assert shapley.contributions(rows[:0]).shape == (0, 9)


def test_with_too_many_cases_each_row_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # given room for no case
    booster, rows = _booster(max_depth=6), _rows(50)
    looked_up = compile_shapley(booster)
    monkeypatch.setattr(fraud.native.shapley_table, "_MOST_NUMBERS", 0)
    # when
    worked_out = compile_shapley(booster)
    # then
    assert looked_up is not None
    assert worked_out is not None
    assert np.allclose(worked_out.contributions(rows), looked_up.contributions(rows), rtol=0, atol=1e-6)


def test_a_booster_of_other_trees_is_left_to_xgboost() -> None:
    # given trees that are dropped at random, whose weights are not in their leaves
    booster = _booster(booster="dart", rate_drop=0.2)
    # then
    assert compile_shapley(booster) is None
