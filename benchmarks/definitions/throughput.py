"""Exactly once: payments a second by the width of messages and definitions, and beside another checkout."""

from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from benchmarks.definitions.harness.bed import VariantBed, variables, variant_bed
from benchmarks.definitions.harness.checkouts import Variant, Worker, variants, worker
from benchmarks.definitions.harness.figures import AGAINST, BASE, Run, rate_table, ratios
from benchmarks.definitions.options import Options
from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.testbed import print_progress
from benchmarks.serving.harness.traffic import fill

MESSAGES, TINY_MESSAGES = 200_000, 30_000
_TURNS, TINY_TURNS = 7, 2


def run(options: Options) -> Section:
    """Each variant scores its topic once a turn; the first turn warms up and does not count."""
    messages, turns = (TINY_MESSAGES, TINY_TURNS) if options.tiny else (MESSAGES, _TURNS)
    measured = variants(options.against)
    return _section(score_in_turns(measured, messages, turns), measured, messages)


def score_in_turns(measured: list[Variant], messages: int, turns: int) -> dict[str, list[Run]]:
    """The turns of each variant, in the order in which they were measured."""
    runs: dict[str, list[Run]] = {one.name: [] for one in measured}
    with variant_bed() as bed, ExitStack() as stack:
        workers = {one.name: stack.enter_context(_prepared(bed, one, messages)) for one in measured}
        for turn in range(turns + 1):
            # Every second turn goes the other way round, so that no variant always follows the same one.
            for one in measured[:: -1 if turn % 2 else 1]:
                found = _measure(workers[one.name], one, turn, messages)
                if turn:
                    runs[one.name].append(found)
    return runs


def _prepared(bed: VariantBed, variant: Variant, messages: int) -> Any:
    """A worker whose topic, model and profiles are there; variants with one shape share a topic."""
    topic = f"transactions.{variant.shape.name}"
    settings = bed.settings(variant, topic)
    if not (bed.folder / topic).exists():
        fill(settings, messages, CARDS, variant.shape)
        (bed.folder / topic).touch()
    return worker(variant.code, variables(bed.values(variant, topic)), settings.home / "log")


def _measure(scorer: Worker, variant: Variant, turn: int, messages: int) -> Run:
    if not turn:
        scorer.do("prepare", variant.shape.name)
    found = Run(**scorer.do("score", f"{variant.name}-{turn}", messages))
    print_progress(f"throughput: {variant.name} {found.per_s:,.0f}/s, {found.cpu_us:.1f} µs of processor")
    return found


def _section(runs: dict[str, list[Run]], measured: list[Variant], messages: int) -> Section:
    turns = len(runs[BASE])
    titles = {one.name: one.title for one in measured}
    intro = (
        f"Exactly once, {messages:,} messages, {turns} turns of all in changing order; 300 trees, one "
        "process, commits every 100 ms. Medians; a ratio is the median of the turns' ratios."
    )
    figures = {
        "messages": messages,
        "commits": {one.name: one.code.commit for one in measured},
        "runs": {name: [asdict(one) for one in turns] for name, turns in runs.items()},
        "of_v1": ratios(runs, BASE),
        "of_against": ratios(runs, AGAINST),
    }
    table = [intro, "", *rate_table(runs, titles, "messages")]
    return Section("definitions-throughput", "Definitions: throughput, exactly once", figures, table)
