"""Latency, exactly once, by the width of messages and definitions, beside another checkout."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.definitions.harness.bed import VariantBed, variables, variant_bed
from benchmarks.definitions.harness.checkouts import Variant, clean_environment, variants, worker
from benchmarks.definitions.options import Options
from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.processes import committed_rate, engines
from benchmarks.serving.harness.testbed import print_progress
from benchmarks.serving.harness.traffic import fill
from benchmarks.serving.latency import Latency, measure
from fraud.settings import Settings

_RATE, _INTERVAL_S = 2_000, 0.02
_SECONDS, _TURNS, _WARM_UP = 5.0, 2, 30_000
_TINY_SECONDS, _TINY_TURNS, _TINY_WARM_UP = 2.0, 1, 10_000


def run(options: Options) -> Section:
    """Each variant's engine is started twice, in opposite orders, and measured some turns.

    Before that the first one is measured without counting: a broker that has just started is slower.
    """
    seconds, turns = (_TINY_SECONDS, _TINY_TURNS) if options.tiny else (_SECONDS, _TURNS)
    warm_up = _TINY_WARM_UP if options.tiny else _WARM_UP
    measured = variants(options.against)
    found: dict[str, list[Latency]] = {one.name: [] for one in measured}
    with variant_bed() as bed:
        for number, one in enumerate([measured[0], *measured, *measured[::-1]]):
            with _engine(bed, one, number, warm_up) as settings:
                latencies = [_measure(settings, one, seconds) for _ in range(turns)]
            if number:
                found[one.name] += latencies
    return _section(found, measured, seconds)


def _measure(settings: Settings, variant: Variant, seconds: float) -> Latency:
    found = measure(settings, _RATE, seconds, width=variant.shape.name)
    print_progress(f"latency: {variant.name} p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms")
    return found


@contextmanager
def _engine(bed: VariantBed, variant: Variant, number: int, warm_up: int) -> Iterator[Settings]:
    """A running engine that has scored a payment of nearly every card."""
    topic = f"transactions.{variant.name}.{number}"
    values = bed.values(variant, topic, commit_interval_s=_INTERVAL_S)
    settings = bed.settings(variant, topic, commit_interval_s=_INTERVAL_S)
    _save_model(bed, variant, values, settings.home)
    fill(settings, warm_up, CARDS, variant.shape)
    environment = clean_environment(variables(values))
    with engines(settings, code=(variant.code.python, variant.code.folder), variables=environment) as running:
        running.wait_until_scoring()
        committed_rate(settings, warm_up)
        yield settings


def _save_model(bed: VariantBed, variant: Variant, values: dict[str, Any], home: Path) -> None:
    """Made by the variant's own code, once; its profiles are written then, too."""
    kept = bed.folder / f"{variant.name}.model"
    if not kept.exists():
        with worker(variant.code, variables(values), home / "log") as preparing:
            preparing.do("prepare", variant.shape.name)
        shutil.copytree(home / "serving" / "model", kept)
    shutil.copytree(kept, home / "serving" / "model", dirs_exist_ok=True)


def _section(found: dict[str, list[Latency]], measured: list[Variant], seconds: float) -> Section:
    figures: dict[str, Any] = {
        "rate": _RATE,
        "commit_interval_ms": _INTERVAL_S * 1_000,
        "seconds": seconds,
        "commits": {one.name: one.code.commit for one in measured},
        "runs": {name: [asdict(one) for one in turns] for name, turns in found.items()},
    }
    table = _table(found, {one.name: one.title for one in measured}, seconds)
    return Section("definitions-latency", "Definitions: latency, exactly once", figures, list(table))


def _table(found: dict[str, list[Latency]], titles: dict[str, str], seconds: float) -> Iterator[str]:
    turns = len(next(iter(found.values())))
    yield (
        f"At {_RATE:,}/s, committed every {_INTERVAL_S * 1_000:.0f} ms: ms from when a transaction is due "
        f"until a read_committed reader has its prediction. Medians of {turns} turns of {seconds:.0f} s, "
        "half of them in the opposite order."
    )
    yield ""
    yield "| | p50 | p99 | from | to | p99.9 | missing |"
    yield "|---|---|---|---|---|---|---|"
    for name, turns_of in found.items():
        p99 = [one.p99 for one in turns_of]
        yield (
            f"| {titles[name]} | {median(one.p50 for one in turns_of):.1f} | {median(p99):.1f} "
            f"| {min(p99):.1f} | {max(p99):.1f} | {median(one.p999 for one in turns_of):.1f} "
            f"| {sum(one.missing for one in turns_of)} |"
        )
