"""`python -m serving.dashboard.reports.make`: one report of the monitor, without Prefect; raises no alarm."""

import logging
import os
import sys
import time

from fraud.decisions.whatif.current import live_policy
from fraud.errors import FraudError
from fraud.lake import open_lake
from fraud.monitoring.monitor import build_report, load_champion, store_report
from fraud.monitoring.predictions import read_predictions
from fraud.settings import Settings, load_settings

log = logging.getLogger(__name__)
_NICENESS = 10
"""Scoring and the page go first."""


def make_report(settings: Settings) -> str:
    """Compare the newest predictions with labels and training rows; returns the report's path in the lake.

    Raises:
        DataError: a file of the lake is broken.
        UnreachableError: Kafka, MLflow or the lake does not answer.
    """
    lake, now_ms = open_lake(settings), int(time.time() * 1_000)
    predictions = read_predictions(settings, now_ms)
    champion = load_champion(settings)
    report = build_report(settings, lake, predictions, champion, now_ms, _review_capacity(settings))
    return store_report(settings, lake, report)


def _review_capacity(settings: Settings) -> int | None:
    try:
        return live_policy(settings).review_capacity
    except FraudError as error:
        log.warning("the live policy is not known, nor how many reviews it allows: %s", error)
        return None


def main() -> int:
    """Make one report; returns the process's exit code."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        make_report(load_settings())
    except FraudError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
