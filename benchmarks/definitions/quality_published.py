"""As `quality`, on the weeks and with the training of a table that others have published.

The Fraud Detection Handbook's chapter 5 selects its models on four weeks, each with a week of training and a
week of delay. Its own figures are the best of a grid of settings on these very weeks; ours were not chosen
on them. See docs/quality.md.
"""

from dataclasses import asdict

from benchmarks.definitions.options import Options
from benchmarks.definitions.quality import PUBLISHED, TRIALS, Quality, measured, table
from benchmarks.results import Section

HANDBOOK = Quality(
    stream="Handbook 2018",
    weeks=PUBLISHED,
    definitions="the Handbook's XGBoost",
    features=15,
    average_precision=0.707,
    auc=0.886,
    card_precision=0.291,
)
"""Validation performance of its section "Model selection", the best setting for each figure."""


def run(options: Options) -> Section:
    """The published row, and both definitions."""
    found = [HANDBOOK, *measured(options, PUBLISHED)]
    figures = {"trials": TRIALS, "rows": [asdict(one) for one in found]}
    title = "Definitions: quality on the weeks of a published table"
    return Section("definitions-quality-published", title, figures, list(table(found)))
