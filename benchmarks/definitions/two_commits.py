"""This code beside that of another checkout, exactly once, in enough turns for a few percent."""

from dataclasses import asdict
from statistics import median

import typer

from benchmarks.definitions.harness.checkouts import variants
from benchmarks.definitions.harness.figures import AGAINST, BASE, rate_table, ratios
from benchmarks.definitions.options import Options
from benchmarks.definitions.throughput import MESSAGES, TINY_MESSAGES, TINY_TURNS, score_in_turns
from benchmarks.results import Section

_TURNS = 20
"""On two cores single turns differ by 10 %; the median of 20 ratios by about 1.5 %."""


def run(options: Options) -> Section:
    """Both score the same topic once a turn, in changing order.

    Raises:
        typer.BadParameter: no other checkout was named.
    """
    if options.against is None:
        raise typer.BadParameter("name the folder of another checkout with --against")
    messages, turns = (TINY_MESSAGES, TINY_TURNS) if options.tiny else (MESSAGES, _TURNS)
    measured = [one for one in variants(options.against) if one.name in (BASE, AGAINST)]
    runs = score_in_turns(measured, messages, turns)
    pairs = list(zip(runs[BASE], runs[AGAINST], strict=True))
    cpu_ratio = median(one.cpu_us / other.cpu_us for one, other in pairs)
    figures = {
        "messages": messages,
        "commits": {one.name: one.code.commit for one in measured},
        "runs": {name: [asdict(one) for one in found] for name, found in runs.items()},
        "ratio": ratios(runs, AGAINST)[BASE],
        "cpu_ratio": cpu_ratio,
    }
    table = [
        f"Exactly once, {messages:,} messages, {turns} turns of both in changing order, one process. "
        "Medians; a ratio is the median of the turns' ratios.",
        "",
        *rate_table(runs, {one.name: one.title for one in measured}, "messages"),
        "",
        f"Processor time of a message: {cpu_ratio:.3f} of the other checkout's.",
    ]
    return Section("two-commits", "This commit beside another: throughput, exactly once", figures, table)
