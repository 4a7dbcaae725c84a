import pytest

from fraud.evaluation.backtest.walk import FoldResult
from tests.fraud.evaluation.report.folds import a_fold


@pytest.fixture
def results() -> list[FoldResult]:
    return a_fold()
