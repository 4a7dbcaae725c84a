"""Throughput of the scoring engine against a raw passthrough, on the same broker and the same messages.

`transactions` is filled, then all of it is scored: by a passthrough (decode, encode, produce in
transactions), by the engine exactly once, and by the engine at least once. What counts is the ratio of two
figures of one run.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.results import Section
from benchmarks.serving.harness.passthrough import Passthrough
from benchmarks.serving.harness.testbed import print_progress, testbed
from benchmarks.serving.harness.traffic import fill
from fraud.settings import Settings
from serving.engine import Engine
from serving.ops.metrics import Metrics
from serving.run import tune_garbage_collector

_TOPIC = "transactions"


@dataclass(frozen=True)
class Figure:
    """The throughput of one system."""

    name: str
    per_s: float
    cpu_us: float


def run(messages: int, cards: int, rounds: int) -> Section:
    """Run each system `rounds` times in turn; the median of each counts."""
    figures = []
    tune_garbage_collector()
    with testbed() as bed:
        fill(bed.settings("filler", topic=_TOPIC), messages, cards)
        for turn in range(rounds):
            raw = bed.settings(f"passthrough-{turn}", topic=_TOPIC)
            figures.append(_measure("passthrough", lambda: pass_through(raw, messages)))  # noqa: B023
            for delivery in ("exactly_once", "at_least_once"):
                made = bed.settings(f"{delivery}-{turn}", topic=_TOPIC, delivery=delivery)
                figures.append(_measure(delivery, lambda: score(made, messages)))  # noqa: B023
    names = dict.fromkeys(one.name for one in figures)
    middle = [_median([one for one in figures if one.name == name]) for name in names]
    results = {"messages": messages, "cards": cards, "runs": [asdict(one) for one in figures]}
    return Section(
        "throughput", "Throughput beside a passthrough", results, list(_table(middle, figures, rounds))
    )


def _median(runs: list[Figure]) -> Figure:
    per_s, cpu_us = (median(getattr(one, name) for one in runs) for name in ("per_s", "cpu_us"))
    return Figure(runs[0].name, per_s, cpu_us)


def _measure(name: str, run: Callable[[], tuple[int, float, float]]) -> Figure:
    count, seconds, cpu_s = run()
    figure = Figure(name, count / seconds, cpu_s / count * 1e6)
    print_progress(f"throughput: {name} {figure.per_s:,.0f}/s, {figure.cpu_us:.1f} µs of processor each")
    return figure


def _table(middle: list[Figure], runs: list[Figure], rounds: int) -> Iterator[str]:
    base = middle[0].per_s
    yield f"The medians of {rounds} turns. 49 features, 300 trees, one process, commits every 100 ms."
    yield ""
    yield "| | messages/s | from | to | CPU µs/message | of passthrough |"
    yield "|---|---|---|---|---|---|"
    for one in middle:
        seen = [run.per_s for run in runs if run.name == one.name]
        name = one.name.replace("_", " ")
        span = f"{min(seen):,.0f} | {max(seen):,.0f}"
        yield f"| {name} | {one.per_s:,.0f} | {span} | {one.cpu_us:.1f} | {one.per_s / base:.2f} |"


def pass_through(settings: Settings, messages: int) -> tuple[int, float, float]:
    """Decode, encode, produce; predictions and offsets in one transaction at every interval.

    Returns:
        How many messages, the seconds they took, the processor's seconds.
    """
    passthrough = Passthrough(settings)
    done, started, cpu = 0, 0.0, 0.0
    while done < messages:
        done += passthrough.pass_batch()
        if done and not started:
            started, cpu = time.perf_counter(), time.process_time()
    passthrough.commit()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    passthrough.close()
    return done, seconds, cpu_s


def score(settings: Settings, messages: int) -> tuple[int, float, float]:
    """The engine, from its first commit to its last; returns what `pass_through` does."""
    metrics = Metrics()
    engine = Engine(settings, settings.serving.transactional_id, metrics)
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        scored = metrics.delivery.end_to_end
        while not scored.count:
            time.sleep(0.002)
        before, started, cpu = scored.count, time.perf_counter(), time.process_time()
        while scored.count < messages:
            time.sleep(0.02)
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    finally:
        stop.set()
        thread.join()
    return messages - before, seconds, cpu_s
