"""Quality of models with the default definitions against v1: walk-forward, the same search for both.

`EXAMPLE_DATA=FOLDER python -m benchmarks.definitions quality`, where FOLDER holds `handbook-2018/` and
`sparkov-2021/`. Definitions are chosen on the weeks before those of the bars: `quality_before` measures them.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import pyarrow as pa

from benchmarks.definitions.options import Options
from benchmarks.definitions.streams import QualityStream, streams
from benchmarks.results import Section
from benchmarks.serving.harness.testbed import print_progress
from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import DEFAULT_FILE, load_definitions
from fraud.evaluation.backtest.candidates import MODEL, RetrainedCandidates, RetrainingPlan
from fraud.evaluation.backtest.history import BacktestHistory, history_from_tables
from fraud.evaluation.backtest.walk import BacktestPlan, CandidateScores, FoldResult, run_backtest
from fraud.features.table import compute_features
from fraud.settings import Settings, load_settings
from fraud.training.dataset import Dataset
from fraud.training.run import threshold_rules
from fraud.training.splits import Fold
from producer.replay.tables import Tables, read_tables

TRIALS = 2
"""The two sets of parameters that every study tries first, so that the search is the same for both."""

V1, DEFAULT = "v1", "default"
BEFORE, BAR, PUBLISHED = "weeks before", "weeks of the bar", "weeks of the table"


@dataclass(frozen=True)
class Quality:
    """Means over the folds of one backtest."""

    stream: str
    weeks: str
    definitions: str
    features: int
    average_precision: float
    auc: float
    card_precision: float


def run(options: Options) -> Section:
    """Every stream with both definitions, on the weeks of its bar."""
    found = measured(options, BAR)
    figures = {"trials": TRIALS, "rows": [asdict(one) for one in found]}
    lines = [*table(found), "", *bars(streams(options.tiny), found)]
    return Section("definitions-quality", "Definitions: quality, default against v1", figures, lines)


def measured(options: Options, weeks: str) -> list[Quality]:
    """Every stream that has such weeks, with both definitions."""
    plans = [(stream, _plan(stream, weeks)) for stream in streams(options.tiny)]
    return [one for stream, plan in plans if plan is not None for one in _measure(stream, plan, weeks)]


def _plan(stream: QualityStream, weeks: str) -> BacktestPlan | None:
    return {BEFORE: stream.before, BAR: stream.bar, PUBLISHED: stream.published}[weeks]


def _measure(stream: QualityStream, plan: BacktestPlan, weeks: str) -> Iterator[Quality]:
    settings = load_settings()
    with tempfile.TemporaryDirectory(prefix="fraud-quality-") as folder:
        tables = read_tables(settings, stream.files(Path(folder)), _no_progress)
    for name, definitions in ((V1, load_definitions()), (DEFAULT, load_definitions(DEFAULT_FILE))):
        history = _history(settings, definitions, tables)
        folds = _walk(settings, history, plan)
        one = _quality(stream, weeks, name, folds, len(definitions.features))
        print_progress(f"quality: {_row(one)}")
        yield one


def _history(settings: Settings, definitions: Definitions, tables: Tables) -> BacktestHistory:
    # The columns of a definitions' fields are the same in both files.
    transactions: pa.Table = tables.transactions
    features = compute_features(
        definitions,
        transactions,
        tables.labels,
        _no_progress,
        rules=settings.labels,
        available_after=settings.profiles.available_after,
        delay=settings.profiles.delay,
    )
    return history_from_tables(definitions, transactions, tables.labels, features, rules=settings.labels)


def _walk(settings: Settings, history: BacktestHistory, plan: BacktestPlan) -> list[FoldResult]:
    training = settings.training
    rules = threshold_rules(training)
    candidates = RetrainedCandidates(
        RetrainingPlan(TRIALS, training.seed, training.threads, rules), _no_progress
    )

    def model_alone(fold: Fold, train: Dataset, test: Dataset) -> list[CandidateScores]:
        return [candidates.model(fold, train, test)]

    folds = []
    for one in run_backtest(history, plan, model_alone, review_cost=training.review_cost, seed=training.seed):
        print_progress(f"quality: {one.fold.test}: {one.evaluations[MODEL].average_precision}")
        folds.append(one)
    return folds


def _quality(
    stream: QualityStream, weeks: str, definitions: str, folds: Sequence[FoldResult], features: int
) -> Quality:
    evaluations = [fold.evaluations[MODEL] for fold in folds]
    return Quality(
        stream=stream.name,
        weeks=weeks,
        definitions=definitions,
        features=features,
        average_precision=mean(one.average_precision.value for one in evaluations),
        auc=mean(one.auc.value for one in evaluations),
        card_precision=mean(one.card_precision.value for one in evaluations),
    )


def table(found: Sequence[Quality]) -> Iterator[str]:
    """A row for each backtest."""
    yield "| stream | weeks | definitions | features | average precision | AUC | card precision@100 |"
    yield "|---|---|---|---|---|---|---|"
    yield from map(_row, found)


def _row(one: Quality) -> str:
    return (
        f"| {one.stream} | {one.weeks} | {one.definitions} | {one.features} "
        f"| {one.average_precision:.3f} | {one.auc:.4f} | {one.card_precision:.3f} |"
    )


def bars(measured: Sequence[QualityStream], found: Sequence[Quality]) -> Iterator[str]:
    """For every stream whether its bars are reached."""
    for stream in measured:
        v1, new = (_of(found, stream, name) for name in (V1, DEFAULT))
        gains = (new.average_precision - v1.average_precision, new.auc - v1.auc)
        reached = new.average_precision >= stream.least and all(
            gain >= least for gain, least in zip(gains, stream.least_gain, strict=True)
        )
        asked = f"average precision {stream.least_gain[0]:+.3f} and AUC {stream.least_gain[1]:+.4f}"
        asked += f", average precision of at least {stream.least:.2f}" if stream.least else ""
        yield (
            f"{stream.name}: average precision {gains[0]:+.3f} to {new.average_precision:.3f}, "
            f"AUC {gains[1]:+.4f}; asked for {asked}: {'reached' if reached else 'MISSED'}."
        )
        yield ""


def _of(found: Sequence[Quality], stream: QualityStream, definitions: str) -> Quality:
    return next(
        one for one in found if (one.stream, one.weeks, one.definitions) == (stream.name, BAR, definitions)
    )


def _no_progress(*_: object) -> None:
    """Only whole backtests are reported."""
