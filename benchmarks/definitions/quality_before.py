"""As `quality`, on weeks before those of the bars: here definitions may be chosen, there they may not."""

from dataclasses import asdict

from benchmarks.definitions.options import Options
from benchmarks.definitions.quality import BEFORE, TRIALS, measured, table
from benchmarks.results import Section


def run(options: Options) -> Section:
    """Every stream with both definitions."""
    found = measured(options, BEFORE)
    figures = {"trials": TRIALS, "rows": [asdict(one) for one in found]}
    title = "Definitions: quality on the weeks before, on which the default was chosen"
    return Section("definitions-quality-before", title, figures, list(table(found)))
