"""Throughput of one engine process and of two, on the same messages."""

from collections.abc import Iterator

from benchmarks.results import Section
from benchmarks.serving.harness.processes import committed_rate, engines
from benchmarks.serving.harness.testbed import print_progress, testbed
from benchmarks.serving.harness.traffic import fill

_TOPIC = "transactions"


def run(messages: int, cards: int) -> Section:
    """Exactly once, each number of workers from the start of the topic."""
    rows = []
    with testbed() as bed:
        fill(bed.settings("filler", topic=_TOPIC), messages, cards)
        for workers in (1, 2):
            settings = bed.settings(f"workers-{workers}", topic=_TOPIC)
            with engines(settings, workers) as group:
                rate = committed_rate(settings, messages)
                cpu_us = group.cpu_s() / messages * 1e6
                resident = group.resident_bytes()
            print_progress(f"workers: {workers}: {rate.per_s:,.0f}/s")
            rows.append(
                {"workers": workers, "per_s": rate.per_s, "cpu_us": cpu_us, "resident_mb": resident / 1e6}
            )
    figures = {"messages": messages, "cards": cards, "rows": rows}
    return Section("workers", "One worker and two", figures, list(_table(rows)))


def _table(rows: list[dict[str, float]]) -> Iterator[str]:
    yield "Exactly once; the broker runs on the same two cores. CPU includes the workers' start."
    yield ""
    yield "| workers | messages/s | of one | CPU µs/message | memory, MB |"
    yield "|---|---|---|---|---|"
    for row in rows:
        share = row["per_s"] / rows[0]["per_s"]
        yield (
            f"| {row['workers']} | {row['per_s']:,.0f} | {share:.2f} | {row['cpu_us']:.1f} "
            f"| {row['resident_mb']:,.0f} |"
        )
