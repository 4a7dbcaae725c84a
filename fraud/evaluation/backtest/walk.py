"""Walk-forward evaluation: at every fold train on what was known, then evaluate on the days after it.

This is prequential validation as in the Fraud Detection Handbook (chapter 5): its `get_train_test_set` and
`card_precision_top_k` are reproduced, so that figures can be held against the published ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt

from fraud.errors import ConfigurationError, DataError
from fraud.evaluation.backtest.history import BacktestHistory
from fraud.evaluation.metrics import DAY_MS, Evaluation, evaluate
from fraud.training.contracts.rows import require_both_classes
from fraud.training.dataset import Dataset
from fraud.training.splits import Fold, TimeRange, prequential

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BacktestPlan:
    """The steps through a history, in days (UTC).

    Attributes:
        start: first day of the first test period.
        delay_days: between the training and the test period.
        step_days: from one test period's start to the next one's.
        k: cards that can be reviewed a day.
        drop_known_cards: leave cards out of a test day whose fraud was known by then.
        known_days: a fraud is known from so many days before the end of the training period on; None: from
            the period's start on. The same number drops the same cards for training periods of any length.
    """

    start: date
    folds: int
    train_days: int
    delay_days: int
    test_days: int
    step_days: int
    k: int = 100
    drop_known_cards: bool = False
    known_days: int | None = None

    @property
    def delay(self) -> timedelta:
        """Between the training and the test period."""
        return timedelta(days=self.delay_days)

    def __post_init__(self) -> None:
        lengths = ("folds", "train_days", "test_days", "step_days", "k")
        wrong = [name for name in lengths if getattr(self, name) < 1]
        if wrong or self.delay_days < 0:
            name = (wrong or ["delay_days"])[0]
            raise ConfigurationError(
                f"--{name.replace('_', '-')} is {getattr(self, name)}, which is too small"
            )
        if self.known_days is not None and self.known_days < 1:
            raise ConfigurationError(f"--known-days is {self.known_days}, which is too small")
        if self.known_days is not None and not self.drop_known_cards:
            raise ConfigurationError(
                "--known-days says which cards --drop-known-cards leaves out; give both, or neither"
            )

    def needed(self) -> TimeRange:
        """From the first day of training, or of known frauds, to the last test day."""
        steps = self.steps()
        return TimeRange(min(steps[0].train.start, self.known_from(steps[0])), steps[-1].test.end)

    def known_from(self, fold: Fold) -> int:
        """The moment (ms) from which on a fraud makes its card known, if known cards are dropped."""
        if self.known_days is None:
            return fold.train.start
        return fold.train.end - self.known_days * DAY_MS

    def steps(self) -> list[Fold]:
        """Train and test period of every fold."""
        start = int(datetime.combine(self.start, time(), UTC).timestamp() * 1_000)
        return list(
            prequential(
                start,
                folds=self.folds,
                train=timedelta(days=self.train_days),
                delay=self.delay,
                test=timedelta(days=self.test_days),
                step=timedelta(days=self.step_days),
            )
        )


@dataclass(frozen=True)
class CandidateScores:
    """A candidate's scores of the test rows, (N,), and the threshold from which it would raise an alert."""

    name: str
    scores: Scores
    threshold: float
    reason: str = ""


@dataclass(frozen=True)
class FoldResult:
    """A fold: the rows of its test period with final labels, and every candidate's evaluation on them."""

    fold: Fold
    trained_on: int
    known_frauds: int
    test: Dataset
    scored: list[CandidateScores]
    evaluations: dict[str, Evaluation]
    notes: tuple[str, ...] = ()


CandidateScorer = Callable[[Fold, Dataset, Dataset], list[CandidateScores]]
"""Takes a fold, its training rows and its test rows, which must only be scored; returns the scores."""


def run_backtest(
    history: BacktestHistory,
    plan: BacktestPlan,
    candidates: CandidateScorer,
    *,
    review_cost: int,
    min_precision: float = 0.8,
    seed: int,
) -> Iterator[FoldResult]:
    """Walk through the history, one fold at a time.

    Raises:
        DataError: the history is too short for the plan, or a fold has no fraud to train on or to find.
    """
    require_covered(history.data.timestamps, plan)
    for number, fold in enumerate(plan.steps(), start=1):
        train, test = _parts(history, plan, fold, number)
        scored = candidates(fold, train, test)
        evaluations = {
            one.name: evaluate(
                test,
                one.scores,
                one.threshold,
                review_cost=review_cost,
                k=plan.k,
                min_precision=min_precision,
                seed=seed + number,
            )
            for one in scored
        }
        notes = history.notes_on(fold)
        yield FoldResult(fold, len(train), train.frauds, test, scored, evaluations, notes)


def require_covered(timestamps: npt.NDArray[np.int64], plan: BacktestPlan) -> None:
    """Stop when a fold reaches beyond the history, whose event times (ms) ascend.

    Raises:
        DataError: names what the history covers and what the folds need.
    """
    if not len(timestamps):
        raise DataError("the history holds no transactions")
    first, last = int(timestamps[0]), int(timestamps[-1])
    covered = TimeRange(first - first % DAY_MS, last - last % DAY_MS + DAY_MS)
    needed = plan.needed()
    if needed.start < covered.start or needed.end > covered.end:
        raise DataError(
            f"the history covers {covered}, too short for {plan.folds} folds that need {needed}; "
            "move --start, or take fewer --folds or shorter --train-days, --test-days or --step-days"
        )


def without_known_cards(data: Dataset, fold: Fold, delay: timedelta, known_from: int) -> Dataset:
    """The test rows of `fold`, with final labels, without the cards whose fraud was known on the day.

    On day D these are the cards with a fraud from `known_from` (ms) up to D minus the delay. From the start
    of the training period on, these are what the Handbook's `get_train_test_set` drops.
    """
    test, lag = data.between(fold.test), delay // timedelta(milliseconds=1)
    frauds = data.between(TimeRange(known_from, fold.test.end))
    known_since = _first_fraud_by_card(frauds) + lag
    day_starts = test.timestamps - test.timestamps % DAY_MS
    # A card is known on the day that starts after its first fraud and the delay.
    return test.take(np.flatnonzero(known_since[test.cards] >= day_starts))


def _first_fraud_by_card(data: Dataset) -> npt.NDArray[np.int64]:
    first = np.full(int(data.cards.max(initial=-1)) + 1, np.iinfo(np.int64).max // 2)
    fraud = data.labels == 1
    np.minimum.at(first, data.cards[fraud], data.timestamps[fraud])
    return first


def _parts(history: BacktestHistory, plan: BacktestPlan, fold: Fold, number: int) -> tuple[Dataset, Dataset]:
    train = history.training_rows(fold)
    test = history.data.between(fold.test)
    if plan.drop_known_cards:
        test = without_known_cards(history.data, fold, plan.delay, plan.known_from(fold))
    require_both_classes(
        train, f"fold {number}: what was reported of the training period {fold.train} by {fold.test}"
    )
    require_both_classes(test, f"fold {number}: the test period {fold.test}")
    return train, test
