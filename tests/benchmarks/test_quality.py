"""The pictures of the documentation are the charts of a report's page, and the bars are describe."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.quality import cut_pictures, describe
from fraud.evaluation.backtest.summary import FIGURES, summarise
from fraud.evaluation.report.page import render_report
from tests.definitions import V1
from tests.fraud.evaluation.report.folds import ABOUT, a_fold


def test_every_chart_becomes_a_picture_that_stands_alone(tmp_path: Path) -> None:
    # given a report's page
    results = a_fold()
    page = render_report(V1, results, summarise(results, ABOUT))
    # when its charts are cut out
    cut_pictures(page, tmp_path)
    # then each is a well-formed file with its own colours, and needs nothing from elsewhere
    pictures = sorted(tmp_path.iterdir())
    assert len(pictures) == 4
    for picture in pictures:
        text = picture.read_text(encoding="utf-8")
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "--model:" in text
        assert "url(" not in text


@pytest.mark.parametrize(("precision", "recall", "missed"), [(0.5, 0.7, 0), (0.3, 0.7, 1), (0.3, 0.5, 2)])
def test_the_targets_are_described(precision: float, recall: float, missed: int) -> None:
    words = "\n".join(describe(figures(precision, recall)))
    assert words.count("MISSED") == missed
    assert words.count("reached") == 2 - missed


def figures(precision: float, recall: float) -> dict[str, Any]:
    """A backtest's figures, in which the best baseline has an average precision of 0.2."""
    nothing = {name: {"mean": 0.1, "deviation": None} for name in FIGURES}
    model = nothing | {
        "average_precision": {"mean": precision, "deviation": None},
        "recall_at_precision": {"mean": recall, "deviation": None},
    }
    baseline = nothing | {"average_precision": {"mean": 0.2, "deviation": None}}
    return {
        "min_precision": 0.8,
        "mean": {"model": model, "constant": nothing, "logistic regression": baseline},
    }
