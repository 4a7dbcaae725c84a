"""What the comparison of default definitions with v1 says of its figures."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from benchmarks.definitions.quality import BAR, BEFORE, DEFAULT, V1, Quality, bars, table
from benchmarks.definitions.streams import DATA, QualityStream, streams
from fraud.errors import ConfigurationError
from fraud.evaluation.backtest.walk import BacktestPlan
from producer.replay.tables import Files

PLAN = BacktestPlan(date(2026, 1, 1), folds=1, train_days=30, delay_days=7, test_days=7, step_days=7)
STREAM = QualityStream(
    "s", lambda folder: Files(folder / "t"), PLAN, PLAN, least_gain=(0.03, 0.005), least=0.75
)

HANDBOOK = (((6, 20), (7, 4)), ((6, 27), (7, 11)), ((7, 4), (7, 18)), ((7, 11), (7, 25)))
"""Month and day of the first training and of the first tested day."""


def figures(weeks: str, definitions: str, average_precision: float, auc: float) -> Quality:
    return Quality(STREAM.name, weeks, definitions, 65, average_precision, auc, 0.3)


@pytest.mark.parametrize(
    ("average_precision", "auc", "word"),
    [
        (0.76, 0.90, "reached"),
        (0.74, 0.90, "MISSED"),  # the gain is enough, the figure is not
        (0.76, 0.884, "MISSED"),  # the gain in AUC is not enough
    ],
)
def test_a_bar_is_reached_by_gains_and_figure(average_precision: float, auc: float, word: str) -> None:
    # given figures of the weeks of the bar, and others of the weeks before
    found = [
        figures(BEFORE, V1, 0.9, 0.99),
        figures(BAR, V1, 0.70, 0.88),
        figures(BEFORE, DEFAULT, 0.9, 0.99),
        figures(BAR, DEFAULT, average_precision, auc),
    ]
    # when they are held against what is asked for
    said = "\n".join(bars([STREAM], found))
    # then the weeks before do not count
    assert said.count(word) == 1
    assert "asked for average precision +0.030 and AUC +0.0050" in said
    assert len(list(table(found))) == len(found) + 2


def test_the_weeks_before_end_before_those_of_the_bar_and_of_a_published_table() -> None:
    for stream in streams(tiny=False):
        for later in filter(None, (stream.bar, stream.published)):
            assert stream.before.steps()[-1].test.end <= later.steps()[0].test.start


def test_the_published_weeks_are_those_of_the_handbook() -> None:
    # given the four folds of its chapter 5, whose last trains from 2018-07-11 on
    plan = next(one.published for one in streams(tiny=False) if one.published)
    days = [
        [datetime.fromtimestamp(moment / 1_000, UTC).date() for moment in (step.train.start, step.test.start)]
        for step in plan.steps()
    ]
    # then a week of training and a week of delay come before each tested week, and cards are known from it
    assert days == [[date(2018, *first), date(2018, *tested)] for first, tested in HANDBOOK]
    assert (plan.drop_known_cards, plan.known_days) == (True, None)


def test_without_the_data_sets_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(DATA, raising=False)

    with pytest.raises(ConfigurationError, match=r"EXAMPLE_DATA is not set; .* handbook-2018"):
        streams(tiny=False)[0].files(tmp_path)
