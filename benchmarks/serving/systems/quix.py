"""The same features and the same model in Quix Streams, beside the engine, on the same messages.

Quix Streams keeps a card's history in its own state (RocksDB with a changelog topic), one message
at a time; see `quix_worker.py`. Both run exactly once and commit at the same interval.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.results import Section
from benchmarks.serving.harness.processes import committed_rate, engines, stop
from benchmarks.serving.harness.testbed import environment, print_progress, testbed
from benchmarks.serving.harness.traffic import fill
from benchmarks.serving.systems.environments import python_with, versions
from fraud.settings import Settings

_PACKAGES = ("quixstreams", "xxhash", "pyarrow", "pydantic-settings", "pyyaml")
_ROOT = Path(__file__).parents[3]
_TOPIC = "transactions"
_WAYS = {
    "inplace_predict": "Quix Streams, `inplace_predict` per message",
    "forest": "Quix Streams, this engine's forest walker per message",
}


def run(messages: int, engine_messages: int, cards: int = 10_000) -> Section:
    """Quix Streams over the first `messages` of those that the engine scores."""
    python = python_with(_PACKAGES)
    rows: list[dict[str, Any]] = []
    with testbed() as bed:
        fill(bed.settings("filler", topic=_TOPIC), engine_messages, cards)
        settings = bed.settings("engine", topic=_TOPIC)
        with engines(settings):
            rate = committed_rate(settings, engine_messages)
        rows.append({"name": "this engine", "messages": rate.messages, "per_s": rate.per_s})
        for way, name in _WAYS.items():
            settings = bed.settings(f"quix-{way}", topic=_TOPIC)
            with _quix(python, settings, way):
                rate = committed_rate(settings, messages)
            print_progress(f"quix: {way}: {rate.per_s:,.0f}/s; the engine {rows[0]['per_s']:,.0f}/s")
            rows.append({"name": name, "messages": rate.messages, "per_s": rate.per_s})
    figures = {"cards": cards, "rows": rows, "versions": versions(python, ("quixstreams", "confluent-kafka"))}
    return Section("quix", "Quix Streams with the same features and model", figures, list(_table(figures)))


@contextmanager
def _quix(python: Path, settings: Settings, way: str) -> Iterator[None]:
    with (settings.home / "log").open("ab") as log:
        command = [str(python), "-m", "benchmarks.serving.systems.quix_worker", way]
        env = environment(settings)
        process = subprocess.Popen(command, env=env, cwd=_ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        stop([process])


def _table(figures: dict[str, Any]) -> Iterator[str]:
    rows = figures["rows"]
    yield (
        "Exactly once, commits every 100 ms, one process; "
        + ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
        + "."
    )
    yield ""
    yield "| | messages | messages/s | the engine is faster, times |"
    yield "|---|---|---|---|"
    for row in rows:
        ratio = rows[0]["per_s"] / row["per_s"]
        yield f"| {row['name']} | {row['messages']:,} | {row['per_s']:,.0f} | {ratio:.1f} |"
