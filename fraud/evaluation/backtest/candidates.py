"""The candidates of a backtest: a model trained at every fold or a registered one, and the baselines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from optuna.trial import FrozenTrial

from fraud.definitions.definitions import Definitions
from fraud.errors import ConfigurationError, DataError
from fraud.evaluation.backtest.walk import BacktestPlan, CandidateScores
from fraud.evaluation.baselines import baselines
from fraud.registry.bundle import ModelBundle, describe
from fraud.training.contracts.rows import require_both_classes
from fraud.training.dataset import Dataset
from fraud.training.fit import fit_model
from fraud.training.search import SearchResult, SearchSettings, describe_trial, search
from fraud.training.search_space import INITIAL_PARAMS, Params
from fraud.training.splits import DAY, Fold, Split, TimeRange, milliseconds, walk_forward
from fraud.training.thresholds import ThresholdRules, choose_threshold

MODEL = "model"
VALIDATION_SHARE = 0.25
SEARCH_FOLDS = 2
LATER_TRIALS = 3
LONG_DAYS = 14
"""A shorter training period has a search over one fold only."""
GAP_SHARE = 0.125
"""The most of the training period that the inner gap may take."""

Log = Callable[[str], object]


@dataclass(frozen=True)
class RetrainingPlan:
    """How the model is trained at every fold: with the search and fit of production."""

    trials: int
    seed: int
    threads: int
    rules: ThresholdRules

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ConfigurationError(f"--trials is {self.trials}, but training needs at least one trial")


@dataclass
class RetrainedCandidates:
    """Candidates that are trained at every fold: the model and the baselines.

    The search of the first fold has all trials. A later one tries the best parameters so far and the initial
    ones, as a retraining tries those of its champion.
    """

    plan: RetrainingPlan
    log: Log
    _best: tuple[Params, ...] = ()

    def __call__(self, fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
        """Train on `train`, score `test`."""
        split = inner_split(train, fold)
        model = self.model(fold, train, test)
        self.log("the model is fitted; now the baselines")
        return [model, *baseline_scores(split, train, test, self.plan)]

    def model(self, fold: Fold, train: Dataset, test: Dataset) -> CandidateScores:
        """The model's part of a call."""
        split = inner_split(train, fold)
        found = self._search(split, train)
        fitted = fit_model(
            train, split, found.recipe, self.plan.rules, seed=self.plan.seed, threads=self.plan.threads
        )
        return CandidateScores(MODEL, fitted.score(test), fitted.threshold.value, fitted.threshold.reason)

    def _search(self, split: Split, train: Dataset) -> SearchResult:
        folds = walk_forward(
            split.refit,
            folds=SEARCH_FOLDS if split.refit.days >= LONG_DAYS else 1,
            test=timedelta(milliseconds=split.validation.end - split.validation.start),
            delay=timedelta(milliseconds=split.validation.start - split.train.end),
        )
        trials = min(self.plan.trials, LATER_TRIALS) if self._best else self.plan.trials
        first = tuple(dict(unique) for unique in dict.fromkeys(map(_items, (*self._best, *INITIAL_PARAMS))))
        rules = SearchSettings(trials, self.plan.seed, self.plan.threads, first=first)

        def on_trial(trial: FrozenTrial, done: int) -> None:
            self.log(f"trial {done} of {trials}: {describe_trial(trial)}")

        found = search(train, folds, rules, on_trial)
        self._best = (found.params,)
        return found


def _items(params: Params) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(params.items()))


@dataclass(frozen=True)
class RegisteredCandidates:
    """A registered model, which is not trained again, and the baselines."""

    definitions: Definitions
    bundle: ModelBundle
    plan: RetrainingPlan

    def __call__(self, fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
        """Score `test`; the baselines are trained on `train`."""
        split = inner_split(train, fold)
        reason = f"the threshold of {describe(self.bundle)}: {self.bundle.metadata.policy_reason}"
        scores = self.bundle.score(self.bundle.select(self.definitions, test.rows))
        model = CandidateScores(MODEL, scores, self.bundle.threshold, reason)
        return [model, *baseline_scores(split, train, test, self.plan)]


def warnings_about(candidates: RetrainedCandidates | RegisteredCandidates, plan: BacktestPlan) -> list[str]:
    """Reasons why the figures are better than the model."""
    if not isinstance(candidates, RegisteredCandidates):
        return []
    seen, start = candidates.bundle.metadata.labels_as_of, plan.steps()[0].test.start
    if seen.timestamp() * 1_000 <= start:
        return []
    return [
        f"{describe(candidates.bundle)} has seen labels up to {seen.date()}, after the first test started on "
        f"{plan.start}: its figures are better than it is. Evaluate it on later days."
    ]


def inner_split(train: Dataset, fold: Fold) -> Split:
    """A train and a validation period within the fold's matured training rows.

    The last quarter is for validation. Between the two is as much of the label delay as a short period
    allows.

    Raises:
        DataError: the training period is shorter than three days.
    """
    refit = TimeRange(fold.train.start, min(fold.train.end, int(train.timestamps[-1]) + 1))
    length = refit.end - refit.start
    day = milliseconds(DAY)
    if length < 3 * day:
        raise DataError(
            f"{refit.days:.1f} matured days are too few to train and validate; take more --train-days"
        )
    validation = max(round(length * VALIDATION_SHARE), day)
    gap = min(fold.test.start - fold.train.end, round(length * GAP_SHARE))
    start = refit.end - validation
    return Split(TimeRange(refit.start, start - gap), TimeRange(start, refit.end), refit, fold.test)


def baseline_scores(
    split: Split, train: Dataset, test: Dataset, plan: RetrainingPlan
) -> list[CandidateScores]:
    """Every baseline, with the threshold that the policy gives it on the validation period."""
    validation = train.between(split.validation)
    require_both_classes(
        validation, f"the end of the training period, {split.validation}, on which thresholds are chosen,"
    )
    scored = []
    for one in baselines(train.between(split.train), validation, test, plan.seed):
        threshold = choose_threshold(plan.rules, validation, one.validation)
        scored.append(CandidateScores(one.name, one.test, threshold.value, threshold.reason))
    return scored
