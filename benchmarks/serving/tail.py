"""The tail of the latency as a ratio: the engine beside a bare passthrough of the same delivery mode.

Both run on one broker and are measured in turns at the same rate, so that what a noisy machine adds is in
both. A second measurement says where the time goes: readers see each payment in `transactions`, its
prediction as soon as it is written, and its prediction once it is committed.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.processes import Workers, committed_rate, stop
from benchmarks.serving.harness.testbed import Testbed, environment, print_progress, testbed
from benchmarks.serving.harness.traffic import fill
from benchmarks.serving.latency import (
    SKIPPED_S,
    WARM_UP_TRANSACTIONS,
    Latency,
    follow,
    generated,
    measure,
    reader_of,
    warm_engine,
)
from fraud.settings import Settings

RATES = (2_000, 10_000)
BARS = {2_000: {"p99": 1.3, "p999": 1.5}, 10_000: {"p99": 2.0, "p999": 2.0}}
"""The largest ratios to aim at."""
STAGES = ("produced and fetched", "scored and written", "committed and visible")
_COMMIT_S = 0.02
_SLOWEST = 0.01
_STAGE_RATE = 2_000

_Moments = npt.NDArray[np.float64]


def run(seconds: float, turns: int, rates: Sequence[int] = RATES, warm_up_s: float = 60.0) -> Section:
    """Each delivery mode: ratios at each rate, then where the time goes."""
    rows: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    with testbed() as bed:
        for delivery in ("at_least_once", "exactly_once"):
            with _both(bed, delivery) as systems:
                for settings in systems.values():
                    measure(settings, _STAGE_RATE, warm_up_s / 2)
                rows += [_compared(delivery, systems, rate, seconds, turns) for rate in rates]
                stages += [
                    {"delivery": delivery, "system": name} | _where_it_goes(settings, seconds)
                    for name, settings in systems.items()
                ]
    figures: dict[str, Any] = {
        "seconds": seconds,
        "turns": turns,
        "commit_interval_ms": _COMMIT_S * 1_000,
        "cards": CARDS,
    }
    figures |= {"rows": rows, "stages": stages, "stage_rate": _STAGE_RATE}
    return Section("tail", "The latency's tail beside a passthrough", figures, list(_table(figures)))


@contextmanager
def _both(bed: Testbed, delivery: str) -> Iterator[dict[str, Settings]]:
    """A passthrough and an engine that have worked already, with the same settings."""
    serving: dict[str, Any] = {"delivery": delivery, "commit_interval_s": _COMMIT_S}
    raw, own = (bed.settings(f"{name}-{delivery}", **serving) for name in ("passthrough", "engine"))
    with ExitStack() as stack:
        stack.enter_context(_warm_passthrough(raw))
        engine: Workers = stack.enter_context(warm_engine(own))
        yield {"passthrough": raw, "engine": engine.settings}


@contextmanager
def _warm_passthrough(settings: Settings) -> Iterator[None]:
    fill(settings, WARM_UP_TRANSACTIONS, CARDS)
    command = [sys.executable, "-m", "benchmarks.serving.harness.passthrough"]
    process = subprocess.Popen(command, env=environment(settings))
    try:
        committed_rate(settings, WARM_UP_TRANSACTIONS, [process])
        yield
    finally:
        stop([process])


def _compared(
    delivery: str, systems: dict[str, Settings], rate: int, seconds: float, turns: int
) -> dict[str, Any]:
    """Medians of both systems, and of the ratios of the turns."""
    found: dict[str, list[Latency]] = {name: [] for name in systems}
    for turn in range(turns):
        order = list(systems) if turn % 2 == 0 else list(reversed(systems))
        for name in order:
            found[name].append(measure(systems[name], rate, seconds))
            _print(delivery, name, found[name][-1])
    medians = {name: _medians(turns) for name, turns in found.items()}
    ratios = {
        key: [
            getattr(own, key) / getattr(raw, key)
            for raw, own in zip(found["passthrough"], found["engine"], strict=True)
        ]
        for key in ("p50", "p99", "p999")
    }
    return {"delivery": delivery, "rate": rate, "ratios": ratios} | medians


def _medians(turns: Sequence[Latency]) -> dict[str, float]:
    """Of each figure; the sum of what is missing."""
    columns = {name: [asdict(one)[name] for one in turns] for name in asdict(turns[0])}
    return {name: median(values) for name, values in columns.items()} | {"missing": sum(columns["missing"])}


def _where_it_goes(settings: Settings, seconds: float) -> dict[str, Any]:
    """Mean ms of each stage: of the typical half, and of the slowest hundredth."""
    stages = _stages(settings, seconds)
    total = stages.sum(axis=1)
    low, high, slow = np.quantile(total, [0.25, 0.75, 1 - _SLOWEST])
    chosen = {"typical": (total >= low) & (total <= high), "slowest": total >= slow}
    return {
        name: dict(zip(STAGES, stages[rows].mean(axis=0).tolist(), strict=True))
        for name, rows in chosen.items()
    }


def _stages(settings: Settings, seconds: float) -> _Moments:
    """The ms that each transaction spent in each stage: (transactions, 3)."""
    count = int((seconds + SKIPPED_S) * _STAGE_RATE)
    topics = settings.topics
    readers = [
        reader_of(settings, topics.transactions),
        reader_of(settings, topics.predictions, is_committed=False),
        reader_of(settings, topics.predictions),
    ]
    try:
        with ThreadPoolExecutor(len(readers)) as pool, generated(settings, _STAGE_RATE, count) as load:
            seen = list(pool.map(lambda reader: follow(reader, count, 30.0), readers))
    finally:
        for reader in readers:
            reader.close()
    moments = [_by_number(*one, load.first, count) for one in seen]
    due = load.start_ns + np.arange(count) * 1e9 / _STAGE_RATE
    found = np.diff(np.column_stack([due, *moments]), axis=1) / 1e6
    kept = found[int(SKIPPED_S * _STAGE_RATE) :]
    return kept[~np.isnan(kept).any(axis=1)]


def _by_number(
    numbers: npt.NDArray[np.int64], seen_ns: npt.NDArray[np.int64], first: int, count: int
) -> _Moments:
    """When each was seen (ns); NaN for those that were not."""
    moments = np.full(count, np.nan)
    ours = (numbers >= first) & (numbers < first + count)
    moments[numbers[ours] - first] = seen_ns[ours]
    return moments


def _print(delivery: str, name: str, found: Latency) -> None:
    print_progress(
        f"tail: {delivery}, {name} at {found.rate:,}/s: p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, "
        f"p99.9 {found.p999:.1f} ms"
    )


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"Commits every {figures['commit_interval_ms']:.0f} ms, {figures['turns']} turns of both in changing "
        f"order, {figures['seconds']:.0f} s each; medians in ms, and the medians of the turns' ratios with "
        "their range."
    )
    yield ""
    yield "| delivery | transactions/s | figure | passthrough | engine | ratio | from | to | at most |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in figures["rows"]:
        yield from _ratio_lines(row)
    yield ""
    yield (
        f"Where the time goes at {figures['stage_rate']:,}/s, mean ms: of the middle half, and of the "
        "slowest hundredth."
    )
    yield ""
    yield "| delivery | system | of | " + " | ".join(STAGES) + " |"
    yield "|---|---|---|" + "---|" * len(STAGES)
    for row in figures["stages"]:
        for of in ("typical", "slowest"):
            cells = " | ".join(f"{row[of][stage]:.1f}" for stage in STAGES)
            yield f"| {row['delivery'].replace('_', ' ')} | {row['system']} | {of} | {cells} |"


def _ratio_lines(row: dict[str, Any]) -> Iterator[str]:
    for key, ratios in row["ratios"].items():
        bar = BARS.get(row["rate"], {}).get(key)
        cells = f"{row['passthrough'][key]:.1f} | {row['engine'][key]:.1f} | {median(ratios):.2f}"
        span = f"{min(ratios):.2f} | {max(ratios):.2f} | {'' if bar is None else bar}"
        name = key.replace("p999", "p99.9")
        yield f"| {row['delivery'].replace('_', ' ')} | {row['rate']:,} | {name} | {cells} | {span} |"
