"""The search for parameters: a seeded, resumable Optuna study over walk-forward folds.

The value of a trial is its mean average precision over the folds. Three things make many trials on millions
of rows affordable. The folds are undersampled: every fraud stays, legitimate rows are sampled and weighted
up, so that the weighted average precision estimates that of all rows. Features are binned coarsely. A trial
below the median, early in the first fold or after any fold, is pruned. The final fit uses all rows and fine
bins.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import optuna
import xgboost as xgb
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import FrozenTrial, TrialState
from xgboost.callback import TrainingCallback

from fraud.evaluation.metrics import Ranked
from fraud.training.contracts.rows import require_both_classes
from fraud.training.dataset import Dataset
from fraud.training.fit import base_score, quantile_matrix, training_rows
from fraud.training.imbalance import Strategy, TrainingRows, resample, thin
from fraud.training.search_space import (
    INITIAL_PARAMS,
    STRATEGIES,
    WITHOUT_RESAMPLING,
    Params,
    Recipe,
    suggest,
)
from fraud.training.splits import Fold, TimeRange

TRAIN_MAJORITY = 50_000
TEST_MAJORITY = 40_000
COARSE_BINS = 64
MOST_ROUNDS = 300
PATIENCE = 15
UNPRUNED = 4
"""Trials that are never pruned, so that the others have something to be compared with."""
EARLY_PROGRESS = 4.0
"""Rounds times learning rate after which a trial is first compared: a low rate gets more rounds."""

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

OnTrial = Callable[[FrozenTrial, int], object]


@dataclass(frozen=True)
class SearchSettings:
    """How long to search and where to store the study.

    Attributes:
        trials: finished trials (pruned ones count) after which the search ends.
        timeout_s: seconds after which no further trial starts.
        storage: a database URL that several workers may share, a journal file, or None for memory. A study
            of its own is repeatable; where workers share one, what each draws depends on the others.
        study_name: a study of this name in the storage is continued.
        first: parameters to try first, the champion's.
        strategies: against imbalance, among which is searched.
    """

    trials: int
    seed: int
    threads: int
    timeout_s: float | None = None
    storage: str | Path | None = None
    study_name: str = "search"
    first: tuple[Params, ...] = INITIAL_PARAMS
    strategies: tuple[Strategy, ...] = STRATEGIES


@dataclass(frozen=True)
class SearchResult:
    """The best recipe and its mean average precision over the folds; the study has the rest."""

    recipe: Recipe
    value: float
    params: Params
    study: optuna.Study = field(repr=False)


def search(
    data: Dataset, folds: tuple[Fold, ...], rules: SearchSettings, on_trial: OnTrial | None = None
) -> SearchResult:
    """Search for the recipe that ranks best over `folds` of `data`.

    Args:
        data: rows sorted by event time; those outside the folds are not looked at.
        folds: what each trial is trained and evaluated on.
        rules: how long to search and where to store the study.
        on_trial: called after every trial with it and the number of trials finished so far.

    Raises:
        DataError: a fold has no fraud to train on or to find.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(rules)
    objective = _Objective(
        [_prepare(data, fold, rules.seed + number) for number, fold in enumerate(folds)], rules
    )

    def report(study: optuna.Study, trial: FrozenTrial) -> None:
        if on_trial is not None:
            on_trial(trial, finished(study))

    if finished(study) < rules.trials:
        # What workers that share the study have finished counts, too.
        enough = MaxTrialsCallback(rules.trials, states=_FINISHED)
        study.optimize(objective, n_trials=rules.trials, timeout=rules.timeout_s, callbacks=[report, enough])
    best = study.best_trial
    return SearchResult(
        Recipe.of(best.params, best.user_attrs["rounds"]), study.best_value, best.params, study
    )


def finished(study: optuna.Study) -> int:
    """How many trials are complete or pruned."""
    return len(study.get_trials(deepcopy=False, states=_FINISHED))


def describe_trial(trial: FrozenTrial) -> str:
    """The result of a finished trial; Optuna gives pruned ones their latest value, which is left out here."""
    return "pruned" if trial.state == TrialState.PRUNED else f"average precision {trial.value:.4f}"


@dataclass(frozen=True)
class _PreparedFold:
    """A fold's undersampled rows; the labels and weights of `test` are for its evaluation."""

    period: TimeRange
    train: TrainingRows
    train_times: npt.NDArray[np.int64]
    test: xgb.DMatrix
    test_labels: npt.NDArray[np.int8]
    test_weights: npt.NDArray[np.float64]


class _EarlyPruning(TrainingCallback):  # type: ignore[misc]
    """Compares a trial with the others after its first rounds, and prunes it if it is below the median."""

    def __init__(self, trial: optuna.Trial, eta: float) -> None:
        super().__init__()
        self._trial = trial
        self._last = math.ceil(EARLY_PROGRESS / eta) - 1

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: TrainingCallback.EvalsLog) -> bool:
        """After every round: prunes by an exception, so it never asks XGBoost to stop."""
        if epoch == self._last:
            self._trial.report(float(evals_log["test"]["aucpr"][-1]), 0)
            if self._trial.should_prune():
                raise optuna.TrialPruned
        return False


@dataclass(frozen=True)
class _Objective:
    """The objective: mean average precision over the folds, pruned early in the first or after any."""

    folds: list[_PreparedFold]
    rules: SearchSettings
    matrices: dict[tuple[int, float], tuple[xgb.QuantileDMatrix, float]] = field(default_factory=dict)

    def __call__(self, trial: optuna.Trial) -> float:
        suggest(trial, self.rules.strategies)
        recipe = Recipe.of(trial.params, MOST_ROUNDS)
        values: list[float] = []
        rounds: list[int] = []
        for number, fold in enumerate(self.folds):
            early = [_EarlyPruning(trial, recipe.booster["eta"])] if number == 0 else []
            value, best = self._fit(recipe, number, fold, early)
            values.append(value)
            rounds.append(best)
            trial.report(float(np.mean(values)), number + 1)
            if number + 1 < len(self.folds) and trial.should_prune():
                raise optuna.TrialPruned
        trial.set_user_attr("rounds", int(np.ceil(np.mean(rounds))))
        trial.set_user_attr("folds", values)
        return float(np.mean(values))

    def _fit(
        self, recipe: Recipe, number: int, fold: _PreparedFold, callbacks: Sequence[TrainingCallback]
    ) -> tuple[float, int]:
        matrix, prior = self._matrix(recipe, number, fold)
        booster = xgb.train(
            recipe.booster_params(
                base_score=prior, seed=self.rules.seed, threads=self.rules.threads, bins=COARSE_BINS
            ),
            matrix,
            MOST_ROUNDS,
            evals=[(fold.test, "test")],
            early_stopping_rounds=PATIENCE,
            callbacks=callbacks,
            verbose_eval=False,
        )
        rounds = booster.best_iteration + 1
        scores = booster.predict(fold.test, iteration_range=(0, rounds), output_margin=True)
        ranked = Ranked.of(fold.test_labels, np.asarray(scores, dtype=np.float64))
        return ranked.average_precision(fold.test_weights), rounds

    def _matrix(self, recipe: Recipe, number: int, fold: _PreparedFold) -> tuple[xgb.QuantileDMatrix, float]:
        """Strategies that leave the rows alone share their matrices between trials."""
        key = (number, recipe.window_share)
        untouched = recipe.imbalance.strategy in WITHOUT_RESAMPLING
        if untouched and key in self.matrices:
            return self.matrices[key]
        first = int(np.searchsorted(fold.train_times, recipe.window(fold.period).start))
        part = TrainingRows(fold.train.rows[first:], fold.train.labels[first:], fold.train.weights[first:])
        part = resample(recipe.imbalance, part, self.rules.seed + number)
        made = quantile_matrix(part, self.rules.threads, bins=COARSE_BINS), base_score(part)
        if untouched:
            self.matrices[key] = made
        return made


def _prepare(data: Dataset, fold: Fold, seed: int) -> _PreparedFold:
    train, test = data.between(fold.train).as_known_at(fold.test.start), data.between(fold.test)
    for part, what in ((train, f"the training fold {fold.train}"), (test, f"the test fold {fold.test}")):
        require_both_classes(part, what)
    rows, chosen = thin(training_rows(train), TRAIN_MAJORITY, seed)
    evaluated, _ = thin(training_rows(test), TEST_MAJORITY, seed)
    return _PreparedFold(
        period=fold.train,
        train=rows,
        train_times=train.timestamps[chosen],
        test=xgb.DMatrix(evaluated.rows, evaluated.labels, weight=evaluated.weights),
        test_labels=evaluated.labels,
        test_weights=evaluated.weights.astype(np.float64),
    )


def _study(rules: SearchSettings) -> optuna.Study:
    study = optuna.create_study(
        storage=_storage(rules.storage),
        study_name=rules.study_name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
    )
    done = finished(study)
    # A sampler with the same seed would draw again what it drew before the interruption, and workers that
    # share a database would all draw the same.
    seed = None if _is_database(rules.storage) else rules.seed + done
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    for params in rules.first if not done else ():
        study.enqueue_trial(params, skip_if_exists=True)
    return study


def _is_database(storage: str | Path | None) -> bool:
    return isinstance(storage, str) and "://" in storage


def _storage(storage: str | Path | None) -> str | BaseStorage | None:
    if storage is None or _is_database(storage):
        return str(storage) if storage else None
    path = Path(storage)
    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))
