"""Features of a history in memory, as backtests compute them, by width and beside another checkout."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks.definitions.harness.checkouts import Variant, Worker, variants, worker
from benchmarks.definitions.harness.figures import AGAINST, BASE, Run, rate_table, ratios
from benchmarks.definitions.options import Options
from benchmarks.results import Section
from benchmarks.serving.harness.testbed import print_progress

_PAYMENTS, _TINY_PAYMENTS = 500_000, 20_000
_TURNS, _TINY_TURNS = 3, 1


def run(options: Options) -> Section:
    """`compute_features` over simulated payments; the first turn compiles and does not count."""
    size = _TINY_PAYMENTS if options.tiny else _PAYMENTS
    turns = _TINY_TURNS if options.tiny else _TURNS
    runs = measure_in_turns(options, turns, lambda one, named: one.do("offline", size, named))
    intro = (
        f"`compute_features` over {size:,} simulated payments, profiles included; medians of {turns} turns."
    )
    return section("definitions-offline", "Definitions: features of a history", intro, runs, options)


def measure_in_turns(
    options: Options, turns: int, do: Callable[[Worker, str], dict[str, float]]
) -> dict[str, list[Run]]:
    """The runs of each variant whose messages matter here: not that with undeclared fields.

    Args:
        options: of the part.
        turns: that count; one more comes before them.
        do: one turn of a worker with payments of the named shape.
    """
    measured = _measured(options)
    found: dict[str, list[Run]] = {one.name: [] for one in measured}
    with tempfile.TemporaryDirectory(prefix="fraud-benchmark-") as folder, ExitStack() as stack:
        workers = {
            one.name: stack.enter_context(worker(one.code, {}, Path(folder) / one.name)) for one in measured
        }
        for turn in range(turns + 1):
            for one in measured[:: -1 if turn % 2 else 1]:
                made = Run(**do(workers[one.name], one.shape.name))  # type: ignore[arg-type]
                print_progress(f"{one.name}: {made.per_s:,.0f}/s, {made.cpu_us:.1f} µs of processor")
                if turn:
                    found[one.name].append(made)
    return found


def section(name: str, title: str, intro: str, runs: dict[str, list[Run]], options: Options) -> Section:
    """The runs as a section with ratios."""
    measured = _measured(options)
    figures = {
        "commits": {one.name: one.code.commit for one in measured},
        "runs": {variant: [asdict(one) for one in turns] for variant, turns in runs.items()},
        "of_v1": ratios(runs, BASE),
        "of_against": ratios(runs, AGAINST),
    }
    titles = {one.name: one.title for one in measured}
    return Section(name, title, figures, [intro, "", *rate_table(runs, titles, "payments")])


def _measured(options: Options) -> list[Variant]:
    return [one for one in variants(options.against) if one.name != "undeclared"]
