"""The two engines: the same rows, the same parameters, a model as good, and the very same kind of bundle."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from fraud.errors import ConfigurationError, DataError
from fraud.evaluation.metrics import average_precision
from fraud.labels.history import ALWAYS
from fraud.labels.observation import Observation
from fraud.lake import open_lake
from fraud.registry.bundle import check_compatible, make_bundle, read_bundle, write_bundle
from fraud.settings import Settings, load_settings
from fraud.training.engines import booster_fitter, require_worker_slots, strategies_of
from fraud.training.fit import fit_booster, fit_model
from fraud.training.history import History, load_history
from fraud.training.imbalance import Imbalance
from fraud.training.search_space import DEFAULT_PARAMS, Recipe
from fraud.training.spark_engine import SparkFit
from fraud.training.splits import Split, temporal_split
from fraud.training.thresholds import ThresholdRules
from tests.definitions import V1
from tests.fraud.training.synthetic import tables, write_history

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

DELAY = timedelta(days=5)
RULES = ThresholdRules("cost", review_cost=500, min_precision=0.8, alerts_per_day=10)
RECIPE = Recipe.of(DEFAULT_PARAMS | {"max_depth": 4}, 40)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a history, and an engine of one worker."""
    made = load_settings(
        home=tmp_path_factory.mktemp("home"),
        spark={
            "master": "local[2]",
            "driver_memory": "1g",
            "conf": {"spark.sql.codegen.wholeStage": "false"},
        },
        training={"engine": "spark", "threads": 1},
    )
    write_history(open_lake(made), *tables(days=60, per_day=150, fraud_rate=0.05))
    return made


@pytest.fixture(scope="module")
def history(settings: Settings) -> History:
    return load_history(V1, open_lake(settings), longest=timedelta(days=55), delay=timedelta(days=1))


@pytest.fixture(scope="module")
def split(history: History) -> Split:
    week = timedelta(days=7)
    return temporal_split(history.period, delay=DELAY, train=3 * week, validation=week, test=week)


@pytest.fixture(scope="module")
def fit_on_spark(settings: Settings) -> Iterator[SparkFit]:
    with booster_fitter(settings) as fit:
        assert isinstance(fit, SparkFit)
        yield fit


def test_both_engines_learn_the_same(
    history: History, split: Split, fit_on_spark: SparkFit, tmp_path: Path
) -> None:
    # when both fit the same recipe to the same rows
    here = fit_model(history.data, split, RECIPE, RULES, seed=1, threads=1)
    there = fit_model(history.data, split, RECIPE, RULES, seed=1, threads=1, fit=fit_on_spark)
    # then they rank the test rows equally well, and score them alike
    test = history.data.between(split.test)
    reached = [average_precision(test.labels, one.score(test)) for one in (here, there)]
    assert reached[0] > 3 * test.labels.mean()
    assert reached[1] == pytest.approx(reached[0], abs=0.02)
    assert np.corrcoef(here.score(test), there.score(test))[0, 1] > 0.9
    # and what would be registered is the same in everything but the trees
    assert there.booster.attributes() == {}
    assert there.booster.feature_names == here.booster.feature_names
    assert there.booster.num_boosted_rounds() == here.booster.num_boosted_rounds() == RECIPE.rounds
    bundle = make_bundle(
        V1,
        there.booster,
        model_name="fraud-detector",
        threshold=there.threshold.value,
        calibration=there.calibration,
        engine="spark",
    )
    write_bundle(bundle, tmp_path / "bundle")
    back = check_compatible(read_bundle(tmp_path / "bundle").verify(), V1)
    assert back.metadata.engine == "spark"
    assert np.array_equal(back.score(test.rows), there.score(test))


def test_without_sampling_the_trees_are_equal(history: History, split: Split, fit_on_spark: SparkFit) -> None:
    # given a recipe in which nothing is drawn, so that the order of rows is of no consequence
    params = DEFAULT_PARAMS | {"max_depth": 3, "subsample": 1.0, "colsample_bytree": 1.0}
    recipe = Recipe.of(params | {"imbalance": "scale_pos_weight", "positive_weight": 3.0}, 5)
    train = history.data.as_known_at(split.test.start).between(split.train)
    # when both fit it
    boosters = [fit(train, recipe, seed=1, threads=1) for fit in (fit_booster, fit_on_spark)]
    # then they say the same of every row: no row was lost, no label, no unknown value, no parameter
    here, there = (one.inplace_predict(train.rows) for one in boosters)
    assert np.allclose(here, there, atol=1e-4)


def test_unobserved_rows_and_weights_reach_the_executors(
    history: History, split: Split, fit_on_spark: SparkFit
) -> None:
    # given rows of which some were never observed, and some stand for several payments
    train = history.data.as_known_at(split.test.start).between(split.train)
    random = np.random.default_rng(2).random(len(train))
    observation = Observation(np.where(random < 0.2, ALWAYS, 0), np.where(random > 0.8, 5.0, 1.0))
    observed = replace(train, observation=observation, reports=None).observed_at(0)
    params = DEFAULT_PARAMS | {"max_depth": 3, "subsample": 1.0, "colsample_bytree": 1.0}
    recipe = Recipe.of(params, 5)
    # when both engines fit them
    boosters = [fit(observed, recipe, seed=1, threads=1) for fit in (fit_booster, fit_on_spark)]
    # then they say the same of every row
    here, there = (one.inplace_predict(train.rows) for one in boosters)
    assert 0 < len(observed) < len(train)
    assert np.allclose(here, there, atol=1e-4)


def test_several_workers_learn_as_well(history: History, split: Split, fit_on_spark: SparkFit) -> None:
    train = history.data.as_known_at(split.test.start).between(split.train)
    test = history.data.between(split.test)
    shared = replace(fit_on_spark, workers=2)(train, RECIPE, seed=1, threads=1)
    alone = fit_booster(train, RECIPE, seed=1, threads=1)
    reached = [
        average_precision(test.labels, one.inplace_predict(test.rows).astype(np.float64))
        for one in (alone, shared)
    ]
    assert reached[1] == pytest.approx(reached[0], abs=0.05)


def test_resampling_is_refused(history: History, split: Split, fit_on_spark: SparkFit) -> None:
    train = history.data.between(split.train)
    smote = replace(RECIPE, imbalance=Imbalance("smote"))
    with pytest.raises(ConfigurationError, match="train with --engine local"):
        fit_on_spark(train, smote, seed=1, threads=1)
    assert "smote" not in strategies_of("spark")


def test_a_lake_that_has_changed_is_noticed(history: History, split: Split, fit_on_spark: SparkFit) -> None:
    # given a dataset that lacks a row of the lake
    train = history.data.between(split.train)
    fewer = train.take(np.delete(np.arange(len(train)), len(train) // 2))
    with pytest.raises(DataError, match="another run has written to it"):
        fit_on_spark(fewer, RECIPE, seed=1, threads=1)


def test_more_workers_than_room_is_a_sentence(settings: Settings) -> None:
    many = settings.training.model_copy(update={"spark_workers": 3, "threads": 2})
    with pytest.raises(ConfigurationError, match="cores for 2 workers"):
        require_worker_slots(settings.model_copy(update={"training": many}), cores=5)
    require_worker_slots(settings, cores=1)
