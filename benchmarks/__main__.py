"""`python -m benchmarks`: production and preprocessing on this machine, saved in `benchmarks/RESULTS.md`.

The others take longer and run alone: `python -m benchmarks.serving`, `python -m benchmarks.training`.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.preprocess import PreprocessTimes
from benchmarks.preprocess import run as measure_preprocess
from benchmarks.production import measure_production
from benchmarks.results import Section, conditions, save_section
from deployments.local.kafka import EmbeddedKafka
from fraud.machine.ending import end_in_order
from fraud.settings import load_settings

_DAYS = 30


def main() -> None:
    """Measure, print and save."""
    end_in_order()
    for measure in (_production, _preprocess):
        under = conditions()
        section = measure()
        print("\n".join([f"## {section.title}", "", *section.table, ""]))
        save_section(section, under)


def _production() -> Section:
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:
        settings = load_settings(
            home=Path(folder), kafka={"bootstrap_servers": kafka.bootstrap_servers, "retention_days": -1}
        )
        figures = measure_production(settings, days=_DAYS)
    title = f"A history of {figures['transactions']:,.0f} transactions into a local broker"
    return Section("production", title, figures, list(_production_table(figures)))


def _production_table(figures: dict[str, float]) -> Iterator[str]:
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


def _preprocess() -> Section:
    figures = measure_preprocess()
    figures_by_name = {"rows": [asdict(one) for one in figures]}
    title = "Transactions to training rows with Spark, after its start-up"
    return Section("preprocess", title, figures_by_name, list(_preprocess_table(figures)))


def _preprocess_table(figures: list[PreprocessTimes]) -> Iterator[str]:
    yield "| transactions | profiles, s | rows, s | together, s | processor s | s per million | load |"
    yield "|---|---|---|---|---|---|---|"
    for one in figures:
        millions = one.transactions / 1e6
        yield (
            f"| {one.transactions:,} | {one.profiles_s:.1f} | {one.rows_s:.1f} | {one.total_s:.1f} "
            f"| {one.cpu_s:.0f} | {one.total_s / millions:.1f} | {one.load:.1f} |"
        )


if __name__ == "__main__":
    main()
