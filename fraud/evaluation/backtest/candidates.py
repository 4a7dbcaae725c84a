"""Who is judged in a backtest: a model learnt afresh at every step or a registered one, and the baselines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from optuna.trial import FrozenTrial

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
"""Of a shorter training period one fold is all that can be searched on."""
GAP_SHARE = 0.125
"""The most of the training period that the inner gap may take."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class RetrainingPlan:
    """How the model is learnt at every step; the same search and fit as in training."""

    trials: int
    seed: int
    threads: int
    rules: ThresholdRules

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ConfigurationError(f"--trials is {self.trials}, but without a trial nothing is learnt")


@dataclass
class RetrainedCandidates:
    """Contenders that learn at every step: the model and the baselines.

    The first step spends the budget of trials; every later one weighs what won before against the first two,
    as a retraining weighs its champion's parameters.
    """

    plan: RetrainingPlan
    say: Say
    _won: tuple[Params, ...] = ()

    def __call__(self, fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
        """Learn from `train`, score `test`."""
        split = inner_split(train, fold)
        found = self._search(split, train)
        fitted = fit_model(
            train, split, found.recipe, self.plan.rules, seed=self.plan.seed, threads=self.plan.threads
        )
        model = CandidateScores(MODEL, fitted.score(test), fitted.threshold.value, fitted.threshold.reason)
        self.say("the model is fitted; now the baselines")
        return [model, *baseline_scores(split, train, test, self.plan)]

    def _search(self, split: Split, train: Dataset) -> SearchResult:
        folds = walk_forward(
            split.refit,
            folds=SEARCH_FOLDS if split.refit.days >= LONG_DAYS else 1,
            test=timedelta(milliseconds=split.validation.end - split.validation.start),
            delay=timedelta(milliseconds=split.validation.start - split.train.end),
        )
        trials = min(self.plan.trials, LATER_TRIALS) if self._won else self.plan.trials
        first = tuple(dict(unique) for unique in dict.fromkeys(map(_items, (*self._won, *INITIAL_PARAMS))))
        rules = SearchSettings(trials, self.plan.seed, self.plan.threads, first=first)

        def tell(trial: FrozenTrial, done: int) -> None:
            self.say(f"trial {done} of {trials}: {describe_trial(trial)}")

        found = search(train, folds, rules, tell)
        self._won = (found.params,)
        return found


def _items(params: Params) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(params.items()))


@dataclass(frozen=True)
class RegisteredCandidates:
    """Contenders with a registered model in the place of one learnt afresh."""

    bundle: ModelBundle
    plan: RetrainingPlan

    def __call__(self, fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
        """Score `test`; the baselines learn from `train`."""
        split = inner_split(train, fold)
        reason = f"the threshold of {describe(self.bundle)}: {self.bundle.metadata.policy_reason}"
        model = CandidateScores(MODEL, self.bundle.score(test.rows), self.bundle.threshold, reason)
        return [model, *baseline_scores(split, train, test, self.plan)]


def warnings_about(candidates: RetrainedCandidates | RegisteredCandidates, plan: BacktestPlan) -> list[str]:
    """What a reader must know before believing the figures."""
    if not isinstance(candidates, RegisteredCandidates):
        return []
    seen, begin = candidates.bundle.metadata.labels_as_of, plan.steps()[0].test.start
    if seen.timestamp() * 1_000 <= begin:
        return []
    return [
        f"{describe(candidates.bundle)} has seen labels up to {seen.date()}, after the first test began on "
        f"{plan.start}: its figures are better than it is. Judge it on later days."
    ]


def inner_split(train: Dataset, fold: Fold) -> Split:
    """A train and a validation period within the fold's matured training rows.

    The last quarter validates; between the two lies as much of the label delay as a short period can spare.

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
    begin = refit.end - validation
    return Split(TimeRange(refit.start, begin - gap), TimeRange(begin, refit.end), refit, fold.test)


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
