"""Latency and throughput by commit interval, exactly once."""

from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.testbed import Testbed, print_progress, testbed
from benchmarks.serving.harness.traffic import fill
from benchmarks.serving.latency import measure, warm_engine
from benchmarks.serving.throughput import pass_through, score

INTERVALS_MS = (10, 20, 50, 100, 200, 500, 1_000)
_TOPIC = "transactions"
_TURNS = 3


def run(seconds: float, messages: int, rate: int = 2_000, warm_up_s: float = 20.0) -> Section:
    """Each interval: throughput over `messages`, then latency at `rate` for `seconds`."""
    rows = []
    with testbed() as bed:
        filler = bed.settings("filler", topic=_TOPIC)
        fill(filler, messages, CARDS)
        base = median(
            messages / pass_through(bed.settings(f"passthrough-{turn}", topic=_TOPIC), messages)[1]
            for turn in range(_TURNS)
        )
        _warm_up(bed, rate, warm_up_s)
        for interval_ms in INTERVALS_MS:
            interval: dict[str, Any] = {"commit_interval_s": interval_ms / 1_000}
            count, taken_s, _ = score(bed.settings(f"all-{interval_ms}", topic=_TOPIC, **interval), messages)
            settings = bed.settings(f"paced-{interval_ms}", **interval)
            with warm_engine(settings) as workers:
                latency = measure(settings, rate, seconds)
                commits = workers.metric("fraud_commit_seconds_count")
                commit_ms = workers.metric("fraud_commit_seconds_sum") / max(1.0, commits) * 1_000
            row = {"interval_ms": interval_ms, "per_s": count / taken_s, "commit_ms": commit_ms}
            rows.append(row | asdict(latency))
            print_progress(
                f"commits every {interval_ms} ms: {count / taken_s:,.0f}/s, a commit {commit_ms:.0f} ms, "
                f"p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms"
            )
    figures = {"rate": rate, "messages": messages, "passthrough_per_s": base, "rows": rows}
    return Section("commits", "The commit interval, exactly once", figures, list(_table(figures)))


def _warm_up(bed: Testbed, rate: int, seconds: float) -> None:
    """A broker that has just started is slower."""
    settings = bed.settings("warm-up", commit_interval_s=INTERVALS_MS[1] / 1_000)
    with warm_engine(settings):
        measure(settings, rate, seconds)


def _table(figures: dict[str, object]) -> Iterator[str]:
    rows, base = figures["rows"], figures["passthrough_per_s"]
    assert isinstance(rows, list)
    assert isinstance(base, float)
    rate = figures["rate"]
    yield f"Latency in ms at {rate:,}/s; throughput beside a passthrough with commits every 100 ms."
    yield ""
    yield "| interval, ms | a commit takes, ms | p50 | p99 | p99.9 | messages/s | of passthrough |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield (
            f"| {row['interval_ms']:,} | {row['commit_ms']:.0f} | {row['p50']:.0f} | {row['p99']:.0f} "
            f"| {row['p999']:.0f} | {row['per_s']:,.0f} | {row['per_s'] / base:.2f} |"
        )
