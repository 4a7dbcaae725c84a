"""The report's page."""

import json
from collections.abc import Sequence

from fraud.modelling.backtest import FoldResult
from fraud.modelling.backtest_summary import Summary


def render_report(results: Sequence[FoldResult], summary: Summary) -> str:
    """The page, whole."""
    return f"<!doctype html><pre>{json.dumps(summary, indent=1)}</pre>"
