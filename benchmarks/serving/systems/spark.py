"""Micro-batches for comparison: Spark Structured Streaming with a pandas UDF, at fixed rates.

It scores with the same model but keeps no state of a card: windows see one micro-batch. The comparison is
of latency only. See `spark_worker.py`.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.results import Section
from benchmarks.serving.harness.testbed import environment, print_progress, testbed
from benchmarks.serving.latency import measure
from deployments.local.jars import retrieve
from deployments.local.processes import spawn
from fraud.machine.cache import cache_folder
from fraud.machine.spark_environment import spark_environment
from fraud.settings import Settings

_CONNECTOR = (("org.apache.spark", "spark-sql-kafka-0-10_2.13", "4.2.0"),)
_SETTLING_S = 12.0


def run(seconds: float, rates: Sequence[int]) -> Section:
    """Latency at each rate, after a load that lets the query warm up."""
    rows: list[dict[str, Any]] = []
    with testbed() as bed:
        settings = bed.settings("spark")
        with _query(settings):
            measure(settings, 100, _SETTLING_S, timeout_s=120.0)
            for rate in rates:
                print_progress(f"spark: {rate:,}/s")
                found = measure(settings, rate, seconds, timeout_s=120.0)
                print_progress(f"  p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms")
                rows.append(asdict(found))
    figures = {"rows": rows, "connector": ":".join(_CONNECTOR[0])}
    return Section("spark", "Spark Structured Streaming, the micro-batch way", figures, list(_table(rows)))


def connector() -> list[Path]:
    """The jars of Spark's Kafka connector; fetched once for all projects of a user."""
    folder = cache_folder("connector", repr(_CONNECTOR).encode())
    if not folder.is_dir():
        retrieve(_CONNECTOR, folder)
    return sorted(folder.glob("*.jar"))


@contextmanager
def _query(settings: Settings) -> Iterator[None]:
    jars = ",".join(map(str, connector()))
    command = [sys.executable, "-m", "benchmarks.serving.systems.spark_worker", jars]
    process = spawn("Spark", command, settings.home / "log", environment(settings) | spark_environment())
    try:
        yield
    finally:
        process.stop(5.0)


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "Stateless: card windows see one micro-batch only. In ms, from when a transaction is due until its "
        "prediction is read; the next micro-batch starts as soon as the last has ended."
    )
    yield ""
    yield "| transactions/s | p50 | p99 | p99.9 | worst |"
    yield "|---|---|---|---|---|"
    for row in rows:
        yield (
            f"| {row['rate']:,} | {row['p50']:,.0f} | {row['p99']:,.0f} | {row['p999']:,.0f} "
            f"| {row['worst']:,.0f} |"
        )
