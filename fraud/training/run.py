"""The steps of a training, from rows to an evaluated bundle, as the train flow runs them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from fraud.evaluation.baselines import baselines
from fraud.evaluation.metrics import Evaluation, Floats, evaluate
from fraud.registry.bundle import ModelBundle, make_bundle
from fraud.registry.provenance import code_version
from fraud.registry.trust.thresholds import FLAGGED_METRIC
from fraud.settings import Settings, TrainingSettings
from fraud.training.dataset import Dataset
from fraud.training.engines import strategies_of
from fraud.training.fit import FittedModel
from fraud.training.history import History
from fraud.training.search import SearchResult, SearchSettings
from fraud.training.search_space import INITIAL_PARAMS, Params, parameters_of
from fraud.training.splits import Fold, Split, temporal_split, walk_forward
from fraud.training.thresholds import ThresholdRules, choose_threshold


@dataclass(frozen=True)
class EvaluationReport:
    """The model and the baselines on the same test rows, each with its own threshold.

    `scores` are those of the test rows by name, the model's first. `unweighted` is the model on the same
    rows, each for itself; None where no row stands for several payments.
    """

    model: Evaluation
    baselines: dict[str, Evaluation]
    test: Dataset = field(repr=False)
    scores: dict[str, Floats] = field(repr=False)
    unweighted: Evaluation | None = None

    @property
    def best_baseline(self) -> str:
        """The baseline with the highest average precision."""
        return max(self.baselines, key=lambda name: self.baselines[name].average_precision.value)


def longest_history(training: TrainingSettings) -> timedelta:
    """The length of the train, validation and test periods and of the delays between them."""
    days = training.train_days + training.validation_days + training.test_days
    return timedelta(days=days) + 2 * training.label_delay


def split_history(training: TrainingSettings, history: History) -> Split:
    """The history's train, validation, refit and test periods.

    Raises:
        DataError: the history is too short.
    """
    return temporal_split(
        history.period,
        delay=training.label_delay,
        train=timedelta(days=training.train_days),
        validation=timedelta(days=training.validation_days),
        test=timedelta(days=training.test_days),
    )


def search_folds(training: TrainingSettings, split: Split) -> tuple[Fold, ...]:
    """Walk-forward folds within the refit period: the test period stays unseen by the search.

    Raises:
        DataError: the period is too short for the folds.
    """
    return walk_forward(
        split.refit,
        folds=training.search_folds,
        test=timedelta(days=training.validation_days),
        delay=training.label_delay,
    )


def search_settings(
    settings: Settings, history: History, trials: int, champion: ModelBundle | None
) -> SearchSettings:
    """A study of the same data continues; the champion's parameters are tried first."""
    training, strategies = settings.training, strategies_of(settings.training.engine)
    first: tuple[Params, ...] = INITIAL_PARAMS
    if champion is not None and (params := parameters_of(dict(champion.metadata.params), strategies)):
        first = (params, *INITIAL_PARAMS)
    return SearchSettings(
        trials=trials,
        seed=training.seed,
        threads=training.threads,
        timeout_s=training.search_timeout_s,
        storage=training.study_storage or Path(settings.home / "studies.journal"),
        study_name=_study_name(settings, history),
        first=first,
        strategies=strategies,
    )


def _study_name(settings: Settings, history: History) -> str:
    """One study for each model, data, number of folds and space."""
    training = settings.training
    parts = (settings.registry.model_name, history.data.fingerprint()[:16], str(training.search_folds))
    return "-".join(parts if training.engine == "local" else (*parts, training.engine))


def threshold_rules(training: TrainingSettings) -> ThresholdRules:
    """The rules for the threshold in the settings."""
    return ThresholdRules(
        policy=training.threshold_policy,
        review_cost=training.review_cost,
        min_precision=training.min_precision,
        alerts_per_day=training.alerts_per_day,
    )


def evaluate_models(
    training: TrainingSettings, data: Dataset, split: Split, fitted: FittedModel
) -> EvaluationReport:
    """The model and the baselines on the test rows; baselines get their thresholds on validation too."""
    known = data.as_known_at(split.test.start)
    train, validation = known.between(split.train), known.between(split.validation)
    test = data.between(split.test)

    def evaluated(scores: Floats, threshold: float, test: Dataset = test) -> Evaluation:
        return evaluate(
            test,
            scores,
            threshold,
            review_cost=training.review_cost,
            k=training.cards_per_day,
            min_precision=training.min_precision,
            seed=training.seed,
        )

    rules, scores = threshold_rules(training), fitted.score(test)
    others = baselines(train, validation, test, training.seed)
    return EvaluationReport(
        model=evaluated(scores, fitted.threshold.value),
        baselines={
            one.name: evaluated(one.test, choose_threshold(rules, validation, one.validation).value)
            for one in others
        },
        test=test,
        scores={"model": scores} | {one.name: one.test for one in others},
        unweighted=None
        if test.weights is None
        else evaluated(scores, fitted.threshold.value, replace(test, observation=None)),
    )


def bundle_of(
    settings: Settings, history: History, fitted: FittedModel, found: SearchResult, report: EvaluationReport
) -> ModelBundle:
    """The bundle of the fitted and evaluated model."""
    return make_bundle(
        settings.loaded_definitions,
        fitted.booster,
        model_name=settings.registry.model_name,
        threshold=fitted.threshold.value,
        calibration=fitted.calibration,
        policy=fitted.threshold.policy,
        policy_reason=fitted.threshold.reason,
        train_start=_utc(fitted.period.start),
        train_end=_utc(fitted.period.end),
        labels_as_of=_utc(history.moment),
        data_fingerprint=history.data.fingerprint(),
        params=found.params | {"rounds": found.recipe.rounds},
        engine=settings.training.engine,
        metrics=report.model.metrics | {FLAGGED_METRIC: _flagged_share(report, fitted.threshold.value)},
        code_version=code_version(),
    )


def _flagged_share(report: EvaluationReport, threshold: float) -> float:
    """The share of the test's payments that the model flags."""
    flagged = report.scores["model"] >= threshold
    return float(np.average(flagged, weights=report.test.weight_of_each * np.ones(len(flagged))))


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1_000, UTC)
