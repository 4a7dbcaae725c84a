"""Spark's preprocessing of a history into training rows, by width and beside another checkout."""

from benchmarks.definitions.offline import measure_in_turns, section
from benchmarks.definitions.options import Options
from benchmarks.results import Section

_MILLIONS, _TINY_MILLIONS = 0.4, 0.05
_TURNS = 1


def run(options: Options) -> Section:
    """Profiles and rows of sixty days, without Spark's start-up."""
    millions = _TINY_MILLIONS if options.tiny else _MILLIONS
    runs = measure_in_turns(options, _TURNS, lambda one, named: one.do("spark", millions, named))
    intro = (
        f"Profiles and training rows of {millions:g} million payments of sixty days, after Spark's start-up; "
        f"medians of {_TURNS} turns after one that does not count."
    )
    return section("definitions-spark", "Definitions: preprocessing with Spark", intro, runs, options)
