"""`python -m benchmarks`: production and preprocessing on this machine, written to `benchmarks/RESULTS.md`.

The others take longer and run alone: `python -m benchmarks.serving`, `python -m benchmarks.training`.
"""

import os
import platform
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.preprocess import Figures
from benchmarks.preprocess import run as measure_preprocess
from benchmarks.production import measure_production
from deployments.local.kafka import EmbeddedKafka
from fraud.settings import load_settings

_RESULTS = Path(__file__).with_name("RESULTS.md")
_PACKAGES = ("confluent-kafka", "msgspec", "numba", "numpy", "pyarrow", "pyspark", "xgboost")
_DAYS = 30


def main() -> None:
    """Measure, print and write."""
    lines = [*_conditions(), "", *_production(), "", *_preprocess(measure_preprocess()), ""]
    _RESULTS.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


def _conditions() -> Iterator[str]:
    yield "# Results of `python -m benchmarks`"
    yield ""
    yield (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {platform.machine()} ({_processor()}), "
        f"load {os.getloadavg()[0]:.1f} at the begin, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
        + ". The machine is shared: trust ratios before rates."
    )


def _production() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:
        settings = load_settings(
            home=Path(folder), kafka={"bootstrap_servers": kafka.bootstrap_servers, "retention_days": -1}
        )
        figures = measure_production(settings, days=_DAYS)
    yield f"## A history of {figures['transactions']:,.0f} transactions into a local broker"
    yield ""
    yield "| step | transactions/s | of passthrough |"
    yield "|---|---|---|"
    passthrough = figures["passthrough_per_s"]
    for name, key in (
        ("passthrough: ready bytes, sent and acknowledged", "passthrough_per_s"),
        ("simulated, alone", "simulated_per_s"),
        ("encoded, alone", "encoded_per_s"),
        ("simulated, encoded, sent and acknowledged, labels included", "produced_per_s"),
    ):
        yield f"| {name} | {figures[key]:,.0f} | {figures[key] / passthrough:.2f} |"


def _preprocess(figures: list[Figures]) -> Iterator[str]:
    yield "## Transactions to training rows with Spark, after its start-up"
    yield ""
    yield "| transactions | profiles, s | rows, s | together, s | processor s | s per million | load |"
    yield "|---|---|---|---|---|---|---|"
    for one in figures:
        millions = one.transactions / 1e6
        yield (
            f"| {one.transactions:,} | {one.profiles_s:.1f} | {one.rows_s:.1f} | {one.total_s:.1f} "
            f"| {one.cpu_s:.0f} | {one.total_s / millions:.1f} | {one.load:.1f} |"
        )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
