"""A small model of each example, trained in memory from its files."""

from pathlib import Path

import numpy as np
import pytest

from fraud.evaluation.backtest.history import history_from_tables
from fraud.features.table import compute_features
from fraud.registry.bundle import make_bundle
from fraud.training.fit import fit_booster
from fraud.training.imbalance import Imbalance
from fraud.training.search_space import Recipe
from tests.examples.running import FILES, Example

RECIPE = Recipe(
    {"max_depth": 2, "learning_rate": 0.3, "min_child_weight": 0.5},
    Imbalance("none"),
    window_share=1.0,
    rounds=20,
)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_model_finds_the_frauds_of_its_own_example(name: str, tmp_path: Path) -> None:
    # given all rows of an example with their features
    example = Example(name)
    definitions, tables = example.definitions, example.tables(tmp_path)
    features = compute_features(definitions, tables.transactions, tables.labels, lambda *_: None)
    data = history_from_tables(definitions, tables.transactions, tables.labels, features).data
    # when a model is fitted to them
    booster = fit_booster(data, RECIPE, seed=1, threads=1)
    bundle = make_bundle(definitions, booster, model_name=name, threshold=0.5)
    # then it wants the features of these definitions, and scores what it was fitted to far above the rest
    assert bundle.columns(definitions).tolist() == list(range(len(definitions.features)))
    scores = booster.inplace_predict(data.rows)
    assert np.mean(scores[data.labels == 1]) > 3 * np.mean(scores[data.labels == 0])
