"""What the commit interval does to latency and to throughput, exactly once."""

from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.testbed import Workplace, say, workplace
from benchmarks.serving.harness.traffic import fill
from benchmarks.serving.latency import engine_with_a_past, measure
from benchmarks.serving.throughput import pass_through, score

INTERVALS_MS = (10, 20, 50, 100, 200, 500, 1_000)
_TOPIC = "transactions"
_TURNS = 3


def run(seconds: float, messages: int, rate: int = 2_000, warm_up_s: float = 20.0) -> Section:
    """Each interval: throughput over `messages`, then latency at `rate` for `seconds`."""
    rows = []
    with workplace() as place:
        filler = place.settings("filler", topic=_TOPIC)
        fill(filler, messages, CARDS)
        base = median(
            messages / pass_through(place.settings(f"passthrough-{turn}", topic=_TOPIC), messages)[1]
            for turn in range(_TURNS)
        )
        _warm_up(place, rate, warm_up_s)
        for interval_ms in INTERVALS_MS:
            interval: dict[str, Any] = {"commit_interval_s": interval_ms / 1_000}
            count, taken_s, _ = score(
                place.settings(f"all-{interval_ms}", topic=_TOPIC, **interval), messages
            )
            settings = place.settings(f"paced-{interval_ms}", **interval)
            with engine_with_a_past(settings) as workers:
                latency = measure(settings, rate, seconds)
                commits = workers.metric("fraud_commit_seconds_count")
                commit_ms = workers.metric("fraud_commit_seconds_sum") / max(1.0, commits) * 1_000
            row = {"interval_ms": interval_ms, "per_s": count / taken_s, "commit_ms": commit_ms}
            rows.append(row | asdict(latency))
            say(
                f"commits every {interval_ms} ms: {count / taken_s:,.0f}/s, a commit {commit_ms:.0f} ms, "
                f"p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms"
            )
    told = {"rate": rate, "messages": messages, "passthrough_per_s": base, "rows": rows}
    return Section("commits", "The commit interval, exactly once", told, list(_table(told)))


def _warm_up(place: Workplace, rate: int, seconds: float) -> None:
    """A broker that has just started is not itself yet."""
    settings = place.settings("warm-up", commit_interval_s=INTERVALS_MS[1] / 1_000)
    with engine_with_a_past(settings):
        measure(settings, rate, seconds)


def _table(told: dict[str, object]) -> Iterator[str]:
    rows, base = told["rows"], told["passthrough_per_s"]
    assert isinstance(rows, list)
    assert isinstance(base, float)
    yield f"Latency in ms at {told['rate']:,}/s; throughput beside a passthrough with commits every 100 ms."
    yield ""
    yield "| interval, ms | a commit takes, ms | p50 | p99 | p99.9 | messages/s | of passthrough |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield (
            f"| {row['interval_ms']:,} | {row['commit_ms']:.0f} | {row['p50']:.0f} | {row['p99']:.0f} "
            f"| {row['p999']:.0f} | {row['per_s']:,.0f} | {row['per_s'] / base:.2f} |"
        )
