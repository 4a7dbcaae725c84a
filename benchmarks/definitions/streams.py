"""Streams on which definitions are compared: two public ones and the default scenario."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from benchmarks.quality import DELAY_DAYS, END, TESTED_DAYS, write_history
from fraud.errors import ConfigurationError
from fraud.evaluation.backtest.walk import BacktestPlan
from producer.replay.tables import Files

DATA = "EXAMPLE_DATA"
"""Names the folder of the public data sets, as for the tests of examples."""

_SCENARIO_DAYS, _SCENARIO_CARDS, _TINY_CARDS = 110, 5_000, 1_500
_SEED = 7


@dataclass(frozen=True)
class QualityStream:
    """A history and the weeks on which models are tested.

    Attributes:
        name: for tables.
        files: writes or finds the transactions and labels; takes a folder that it may use.
        before: weeks before those of the bar, on which definitions may be chosen.
        bar: weeks that are only reported.
        published: weeks, and lengths of training and delay, of a table that others have published; None if
            there is none on these very payments.
        least_gain: by how much average precision and AUC must exceed those of v1.
        least: the average precision that must be reached.
    """

    name: str
    files: Callable[[Path], Files]
    before: BacktestPlan
    bar: BacktestPlan
    published: BacktestPlan | None = None
    least_gain: tuple[float, float] = (0.0, 0.0)
    least: float = 0.0


def streams(tiny: bool) -> tuple[QualityStream, ...]:
    """All streams, or a small scenario to try the code."""
    if tiny:
        return (_scenario(_TINY_CARDS),)
    return (_handbook(), _sparkov(), _scenario(_SCENARIO_CARDS))


def _handbook() -> QualityStream:
    before = BacktestPlan(
        start=date(2018, 5, 23),
        folds=4,
        train_days=40,
        delay_days=7,
        test_days=7,
        step_days=7,
        drop_known_cards=True,
        known_days=14,
    )
    bar = replace(before, start=date(2018, 6, 20), folds=5, train_days=60)
    # Chapter 5: a week to train, a week's delay, and cards are known whose fraud was in that very week.
    published = replace(before, start=date(2018, 7, 4), train_days=7, known_days=None)
    files = _public("handbook-2018")
    return QualityStream("Handbook 2018", files, before, bar, published, least_gain=(0.03, 0.005))


def _sparkov() -> QualityStream:
    before = BacktestPlan(
        start=date(2021, 7, 1), folds=3, train_days=150, delay_days=7, test_days=30, step_days=30
    )
    bar = replace(before, start=date(2021, 10, 1), folds=1, train_days=200, test_days=92)
    return QualityStream("Sparkov 2021", _public("sparkov-2021"), before, bar, least=0.97)


def _scenario(cards: int) -> QualityStream:
    bar = BacktestPlan(
        start=END - timedelta(days=TESTED_DAYS),
        folds=1,
        train_days=56,
        delay_days=DELAY_DAYS,
        test_days=TESTED_DAYS,
        step_days=TESTED_DAYS,
    )
    before = replace(bar, start=bar.start - timedelta(days=TESTED_DAYS), train_days=35)

    def files(folder: Path) -> Files:
        write_history(folder, "default", _SEED, _SCENARIO_DAYS, cards)
        return Files(folder / "transactions.parquet", folder / "labels.parquet")

    return QualityStream(f"default scenario, {cards:,} cards", files, before, bar)


def _public(name: str) -> Callable[[Path], Files]:
    def files(_: Path) -> Files:
        if DATA not in os.environ:
            raise ConfigurationError(f"{DATA} is not set; let it name the folder that holds {name}")
        data = Path(os.environ[DATA]) / name
        return Files(data / "transactions.parquet", data / "labels.parquet")

    return files
