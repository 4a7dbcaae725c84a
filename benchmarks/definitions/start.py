"""From the start of the process to its first prediction, with compiled code in numba's cache.

A definitions file that nobody has seen must compile nothing: no file is added to the cache.
"""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

from confluent_kafka import Consumer, TopicPartition

from benchmarks.definitions.harness.bed import VariantBed, variables, variant_bed
from benchmarks.definitions.harness.checkouts import HERE, Variant, clean_environment
from benchmarks.definitions.options import Options
from benchmarks.results import Section
from benchmarks.serving.harness.model import trained_model
from benchmarks.serving.harness.processes import stop
from benchmarks.serving.harness.shapes import V1, PaymentShape, shape, wide_text
from benchmarks.serving.harness.testbed import PARTITIONS, print_progress
from benchmarks.serving.harness.traffic import fill
from fraud.kafka.clients import consumer_config
from fraud.registry.bundle import ModelBundle
from fraud.registry.cache import save_bundle
from fraud.settings import Settings

LIMIT_S = 6.0
_PAYMENTS, _CARDS = 100, 20
_TURNS, _TINY_TURNS = 3, 1
_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Start:
    """One start: seconds until a prediction could be read, and how many files numba's cache got."""

    seconds: float
    compiled: int


def run(options: Options) -> Section:
    """The shipped definitions, the wide ones, and wide ones with windows of their own in each turn."""
    turns = _TINY_TURNS if options.tiny else _TURNS
    found: dict[str, list[Start]] = {"v1": [], "wide": [], "unseen": []}
    with variant_bed() as bed:
        for turn in range(turns + 1):
            for name, starts in found.items():
                one = _start(bed, Variant(f"{name}-{turn}", HERE, _shape(name, turn)))
                print_progress(f"start: {name} {one.seconds:.1f} s, {one.compiled} files compiled")
                if turn:
                    starts.append(one)
    starts_by_name = {name: [asdict(one) for one in starts] for name, starts in found.items()}
    figures = {"limit_s": LIMIT_S, "runs": starts_by_name}
    return Section("definitions-start", "Definitions: start of a worker", figures, list(_table(found)))


def _shape(name: str, turn: int) -> PaymentShape:
    if name != "unseen":
        return shape(name)
    # The moment makes it a file that no run before had.
    wide = shape("wide")
    return PaymentShape(wide.name, wide_text(salt=int(time.time()) + turn), wide.members)


def _start(bed: VariantBed, variant: Variant) -> Start:
    topic = f"transactions.{variant.name}"
    values, settings = bed.values(variant, topic), bed.settings(variant, topic)
    # The features of an unseen file have other hashes: its model is that of the shipped ones.
    known = V1 if variant.name.startswith("unseen") else variant.shape
    save_bundle(_model(known), settings.home / "serving" / "model")
    fill(settings, _PAYMENTS, _CARDS, variant.shape)
    before = _cached_files()
    seconds = _until_scored(settings, clean_environment(variables(values)))
    return Start(seconds, len(_cached_files() - before))


@cache
def _model(payments: PaymentShape) -> ModelBundle:
    return trained_model(payments)


def _until_scored(settings: Settings, environment: dict[str, str]) -> float:
    reader = Consumer(consumer_config(settings, f"{settings.serving.group_id}-reader"))
    reader.assign([TopicPartition(settings.topics.predictions, number, 0) for number in range(PARTITIONS)])
    with (settings.home / "log").open("ab") as log:
        command = [HERE.python, "-m", "serving"]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=HERE.folder, env=environment, stdout=log, stderr=log)
        try:
            while not [one for one in reader.consume(1, 0.02) if one.error() is None]:
                if process.poll() is not None or time.perf_counter() - started > _TIMEOUT_S:
                    raise RuntimeError(f"nothing scored:\n{(settings.home / 'log').read_text()[-4_000:]}")
            return time.perf_counter() - started
        finally:
            stop([process])
            reader.close()


def _cached_files() -> set[Path]:
    """Of numba's compiled code, beside the sources."""
    return set((HERE.folder / "fraud").rglob("*.nbc"))


def _table(found: dict[str, list[Start]]) -> Iterator[str]:
    turns = len(next(iter(found.values())))
    yield (
        f"From starting the process until a read_committed reader has the first prediction; {turns} turns, "
        f"{PARTITIONS} partitions, joining the group included, commits every 100 ms. At most {LIMIT_S:.0f} s."
    )
    yield ""
    yield "| definitions | s | from | to | files that numba compiled |"
    yield "|---|---|---|---|---|"
    titles = {"v1": "v1", "wide": "40 fields, 150 features", "unseen": "the same, with windows of its own"}
    for name, starts in found.items():
        seconds = [one.seconds for one in starts]
        yield (
            f"| {titles[name]} | {median(seconds):.1f} | {min(seconds):.1f} | {max(seconds):.1f} "
            f"| {sum(one.compiled for one in starts)} |"
        )
