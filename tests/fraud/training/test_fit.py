"""Search, fit and evaluation on a small history with a real signal."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState

from fraud.errors import DataError
from fraud.evaluation.baselines import baselines
from fraud.evaluation.metrics import average_precision
from fraud.training.dataset import Dataset
from fraud.training.fit import fit_model
from fraud.training.imbalance import Imbalance
from fraud.training.search import UNPRUNED, OnTrial, SearchResult, SearchSettings, finished, search
from fraud.training.search_space import DEFAULT_PARAMS, WITHOUT_RESAMPLING, Recipe, parameters_of
from fraud.training.splits import Split, TimeRange, milliseconds, temporal_split, walk_forward
from fraud.training.thresholds import ThresholdRules
from tests.fraud.training.synthetic import START_MS, dataset

DELAY = timedelta(days=5)
RULES = ThresholdRules("cost", review_cost=500, min_precision=0.8, alerts_per_day=10)
RECIPE = Recipe.of(DEFAULT_PARAMS | {"max_depth": 3}, 40)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(days=60, per_day=120, fraud_rate=0.05)


@pytest.fixture(scope="module")
def split() -> Split:
    history = TimeRange(START_MS, START_MS + milliseconds(timedelta(days=60)))
    week = timedelta(days=7)
    return temporal_split(history, delay=DELAY, train=4 * week, validation=2 * week, test=week)


def searched(
    data: Dataset,
    split: Split,
    trials: int,
    storage: str | Path | None = None,
    on_trial: OnTrial | None = None,
) -> SearchResult:
    folds = walk_forward(split.refit, folds=2, test=timedelta(days=7), delay=DELAY)
    rules = SearchSettings(trials, seed=1, threads=1, storage=storage)
    return search(data.as_known_at(split.test.start), folds, rules, on_trial)


def with_other_rows(data: Dataset, period: TimeRange) -> Dataset:
    """The data with noise and other labels within `period`."""
    inside = (data.timestamps >= period.start) & (data.timestamps < period.end)
    random = np.random.default_rng(9)
    rows, labels = data.rows.copy(), data.labels.copy()
    rows[inside] = random.normal(size=(int(inside.sum()), rows.shape[1])).astype(np.float32)
    labels[inside] = random.random(int(inside.sum())) < 0.3
    return replace(data, rows=rows, labels=labels)


def test_a_model_beats_the_constant_and_the_amount(data: Dataset, split: Split) -> None:
    fitted = fit_model(data, split, RECIPE, RULES, seed=1, threads=1)
    train, validation, test = (data.between(part) for part in (split.train, split.validation, split.test))
    others = {
        one.name: average_precision(test.labels, one.test) for one in baselines(train, validation, test)
    }
    reached = average_precision(test.labels, fitted.score(test))
    assert reached > 2 * max(others["constant"], others["amount rule"])
    assert others["logistic regression"] > others["amount rule"]


def test_the_test_period_changes_nothing_that_is_fitted(data: Dataset, split: Split) -> None:
    fitted = fit_model(data, split, RECIPE, RULES, seed=1, threads=1)
    again = fit_model(with_other_rows(data, split.test), split, RECIPE, RULES, seed=1, threads=1)
    assert again.threshold == fitted.threshold
    assert again.calibration == fitted.calibration
    assert again.booster.save_raw() == fitted.booster.save_raw()


def test_threshold_and_calibration_come_from_validation_not_from_the_rows_learnt_last(
    data: Dataset, split: Split
) -> None:
    # given other rows in the delay after validation, which nothing may look at
    fitted = fit_model(data, split, RECIPE, RULES, seed=1, threads=1)
    gap = TimeRange(split.validation.end, split.test.start)
    again = fit_model(with_other_rows(data, gap), split, RECIPE, RULES, seed=1, threads=1)
    assert (again.threshold, again.calibration) == (fitted.threshold, fitted.calibration)
    # and other rows in validation, which decide
    other = fit_model(with_other_rows(data, split.validation), split, RECIPE, RULES, seed=1, threads=1)
    assert other.threshold != fitted.threshold


def test_resampling_never_reaches_validation_or_test(data: Dataset, split: Split) -> None:
    recipe = replace(RECIPE, imbalance=Imbalance("smote", ratio=0.3))
    fitted = fit_model(data, split, recipe, RULES, seed=1, threads=1)
    assert len(fitted.validation_scores) == len(data.between(split.validation))


def test_frauds_reported_after_the_test_began_teach_nothing(data: Dataset, split: Split) -> None:
    assert data.reports is not None
    later = np.full_like(data.reports.changed_at, split.test.start + 1)
    late = replace(data, reports=replace(data.reports, changed_at=later))
    with pytest.raises(DataError, match="no fraud"):
        fit_model(late, split, RECIPE, RULES, seed=1, threads=1)


def test_the_same_seed_finds_the_same(data: Dataset, split: Split) -> None:
    first, second = (searched(data, split, 3) for _ in range(2))
    assert first.params == second.params
    assert first.value == second.value


def test_a_study_goes_on_where_it_stopped(data: Dataset, split: Split, tmp_path: Path) -> None:
    # given a study of two trials, the champion's parameters first
    storage = tmp_path / "study.journal"
    first = searched(data, split, 2, storage)
    assert first.study.trials[0].params["eta"] == DEFAULT_PARAMS["eta"]
    # when four are asked for
    second = searched(data, split, 4, storage)
    # then two were added, none repeated
    assert finished(second.study) == 4
    assert len({str(trial.params) for trial in second.study.trials}) == 4
    # and a finished study is not searched again
    assert searched(data, split, 4, storage).value == second.value


def test_workers_that_share_a_database_share_the_trials(data: Dataset, split: Split, tmp_path: Path) -> None:
    # given two workers on one database, the second of which works while the first is busy
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    calls: list[int] = []

    def second(_trial: FrozenTrial, done: int) -> None:
        calls.append(done)
        if done == 1:
            searched(data, split, 4, storage)

    # when both are asked for four trials
    first = searched(data, split, 4, storage, second)
    # then there are four, none of them the same, and the first did not go on
    assert finished(first.study) == 4
    assert calls == [1]
    assert len({str(trial.params) for trial in first.study.trials}) == 4


def test_a_trial_that_falls_behind_is_pruned(data: Dataset, split: Split) -> None:
    found = searched(data, split, 10)
    pruned = found.study.get_trials(states=(TrialState.PRUNED,))
    assert pruned
    assert all(trial.number >= UNPRUNED for trial in pruned)
    assert found.value == max(
        trial.value or 0.0 for trial in found.study.get_trials(states=(TrialState.COMPLETE,))
    )


def test_a_fold_without_fraud_is_named(data: Dataset, split: Split) -> None:
    with pytest.raises(DataError, match="fold"):
        searched(replace(data, labels=np.zeros_like(data.labels), reports=None), split, 1)


def test_parameters_of_another_space_are_not_tried() -> None:
    assert parameters_of(DEFAULT_PARAMS | {"rounds": 7}) == DEFAULT_PARAMS
    assert parameters_of({"max_depth": 3}) is None
    assert parameters_of(DEFAULT_PARAMS | {"imbalance": "smote"}, WITHOUT_RESAMPLING) is None
