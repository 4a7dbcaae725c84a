import pyarrow as pa
import pytest

from fraud.errors import DataError
from fraud.evaluation.backtest.history import make_backtest_history
from fraud.evaluation.backtest.lake_history import history_from_lake
from fraud.evaluation.backtest.walk import (
    FoldResult,
)
from fraud.lake import open_lake
from fraud.settings import Settings
from fraud.training.dataset import make_dataset
from tests.definitions import V1
from tests.fraud.evaluation.backtest.histories import NOTHING, plan, walk
from tests.fraud.training.synthetic import tables, write_history


def test_the_lake_gives_the_history_of_the_period(local_settings: Settings) -> None:
    # given rows and labels in the lake, a label delivered twice
    rows, labels = tables(days=60, per_day=40)
    lake = open_lake(local_settings)
    write_history(lake, rows, pa.concat_tables([labels, labels.slice(0, 3)]))
    steps = plan()
    # when the period of a plan is read
    history = history_from_lake(V1, lake, steps.needed())
    # then it is the same walk as through the rows themselves
    expected = make_backtest_history(make_dataset(V1, rows, NOTHING, 0), labels)
    assert figures(walk(history, steps)) == figures(walk(expected, steps))


def figures(results: list[FoldResult]) -> list[tuple[float, ...]]:
    """What does not depend on how cards are numbered."""
    evaluated = [one.evaluations["amount"] for one in results]
    return [
        (one.average_precision.value, one.auc.value, one.card_precision.value, one.rows) for one in evaluated
    ]


def test_a_lake_without_rows_is_an_error(local_settings: Settings) -> None:
    with pytest.raises(DataError, match="no training rows"):
        history_from_lake(V1, open_lake(local_settings), plan().needed())
