"""Latency at fixed rates: from when a transaction is due until a read_committed reader has its prediction."""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.processes import Workers, committed_rate, engines
from benchmarks.serving.harness.shapes import V1
from benchmarks.serving.harness.testbed import PARTITIONS, environment, print_progress, testbed
from benchmarks.serving.harness.traffic import fill, number_of
from fraud.kafka.clients import consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.settings import Settings

RATES = (500, 2_000, 10_000)
SKIPPED_S = 3.0
"""Of each load: its first seconds are not measured."""
WARM_UP_TRANSACTIONS = 60_000
"""What a system scores before it is measured: one or more of every card."""
_COLUMNS = ("p50", "p99", "p99_from", "p99_to", "p999", "worst", "generator_late")
_WORST = ("missing", "worst", "generator_late")


@dataclass(frozen=True)
class Latency:
    """Latency of transactions at one rate, in ms."""

    rate: int
    transactions: int
    missing: int
    p50: float
    p99: float
    p999: float
    worst: float
    generator_late: float


def run(
    seconds: float,
    turns: int,
    rates: Iterable[int] = RATES,
    interval_s: float = 0.02,
    warm_up_s: float = 60.0,
) -> Section:
    """Both modes at each rate, in turns, after a warm-up: a broker that has just started is slower."""
    rows: list[dict[str, Any]] = []
    flagged: dict[str, float] = {}
    with testbed() as bed:
        for delivery in ("at_least_once", "exactly_once"):
            # At least once, nothing waits for a commit; its interval stays the default.
            interval: dict[str, Any] = {"commit_interval_s": interval_s} if delivery == "exactly_once" else {}
            settings = bed.settings(delivery, delivery=delivery, **interval)
            with warm_engine(settings) as workers:
                measure(settings, 2_000, warm_up_s)
                for rate in rates:
                    found = [_print_latency(delivery, measure(settings, rate, seconds)) for _ in range(turns)]
                    rows.append({"delivery": delivery} | medians_of(found))
                flagged[delivery] = workers.flagged_share()
    figures: dict[str, Any] = {
        "commit_interval_ms": settings.serving.commit_interval_s * 1_000,
        "seconds": seconds,
        "turns": turns,
    }
    figures |= {"cards": CARDS, "flagged_share": flagged, "rows": rows}
    return Section("latency", "Latency at fixed rates", figures, list(_table(figures)))


def _print_latency(delivery: str, found: Latency) -> Latency:
    print_progress(
        f"latency: {delivery} at {found.rate:,}/s: p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, "
        f"p99.9 {found.p999:.1f} ms"
    )
    return found


def medians_of(turns: Sequence[Latency]) -> dict[str, float]:
    """Over several turns: the maximum of missing and worst, medians of the others, and the range of p99."""
    columns = {name: [getattr(one, name) for one in turns] for name in asdict(turns[0])}
    p99 = columns["p99"]
    medians = {name: max(values) if name in _WORST else median(values) for name, values in columns.items()}
    return medians | {"p99_from": min(p99), "p99_to": max(p99)}


@contextmanager
def warm_engine(settings: Settings) -> Iterator[Workers]:
    """An engine that has scored a transaction of every card, so that no card is new when the load starts."""
    fill(settings, WARM_UP_TRANSACTIONS, CARDS)
    with engines(settings) as workers:
        workers.wait_until_scoring()
        committed_rate(settings, WARM_UP_TRANSACTIONS)
        yield workers


def measure(
    settings: Settings,
    rate: int,
    seconds: float,
    cards: int = CARDS,
    timeout_s: float = 30.0,
    width: str = V1.name,
) -> Latency:
    """Measure the system that scores `settings.topics.transactions`, for `seconds` after a warm-up.

    Without a prediction for `timeout_s`, the remaining ones count as missing.
    """
    count, skipped = int((seconds + SKIPPED_S) * rate), int(SKIPPED_S * rate)
    reader = reader_of(settings, settings.topics.predictions)
    try:
        with generated(settings, rate, count, cards, width) as load:
            numbers, seen_ns = follow(reader, count, timeout_s)
    finally:
        reader.close()
    seen_ns, numbers = seen_ns[numbers >= load.first], numbers[numbers >= load.first] - load.first
    due_ns = load.start_ns + numbers * 1_000_000_000 // rate
    taken = np.sort((seen_ns - due_ns)[numbers >= skipped] / 1e6)
    p50, p99, p999 = np.percentile(taken, [50, 99, 99.9]).tolist()
    return Latency(rate, len(taken), count - len(numbers), p50, p99, p999, float(taken[-1]), load.late_ms)


@dataclass
class Load:
    """What a generator sends; `late_ms` is known when it has ended.

    Attributes:
        first: the number of the first transaction.
        start_ns: when that one is due, on the monotonic clock.
        late_ms: the longest that one was sent after it was due.
    """

    first: int
    start_ns: int
    late_ms: float = 0.0


@contextmanager
def generated(
    settings: Settings, rate: int, count: int, cards: int = CARDS, width: str = V1.name
) -> Iterator[Load]:
    """Send `count` transactions from another process while the block runs."""
    first = sum(end for _, end in end_offsets(settings, settings.topics.transactions).values())
    generator = _start_generator(settings, rate, count, cards, first, width)
    try:
        assert generator.stdout is not None
        load = Load(first, int(generator.stdout.readline()))
        yield load
        load.late_ms = float(generator.communicate(timeout=60)[0])
    finally:
        generator.kill()


def _start_generator(
    settings: Settings, rate: int, count: int, cards: int, first: int, width: str
) -> "subprocess.Popen[bytes]":
    numbers = {"rate": rate, "count": count, "cards": cards, "first": first, "width": width}
    command = [sys.executable, "-m", "benchmarks.serving.harness.generator"]
    command += [f"--{name}={value}" for name, value in numbers.items()]
    return subprocess.Popen(command, env=environment(settings), stdout=subprocess.PIPE)


def reader_of(settings: Settings, topic: str, *, is_committed: bool = True) -> Consumer:
    """A consumer at the end of a topic, of what is committed or of all that is written."""
    isolation = {"isolation.level": "read_committed" if is_committed else "read_uncommitted"}
    reader = Consumer(consumer_config(settings, f"{settings.serving.group_id}-reader", **isolation))
    here = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    for one in here:
        _, one.offset = reader.get_watermark_offsets(one, timeout=10)
    reader.assign(here)
    return reader


def follow(
    reader: Consumer, count: int, timeout_s: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The numbers of the transactions that were read, and when each was (ns, monotonic)."""
    numbers: list[int] = []
    seen: list[int] = []
    deadline = time.monotonic() + timeout_s
    while len(numbers) < count and time.monotonic() < deadline:
        batch = reader.consume(1, 0.05)
        if not batch:
            continue
        batch += reader.consume(999, 0)
        now_ns, deadline = time.monotonic_ns(), time.monotonic() + timeout_s
        values = [message.value() for message in batch if message.error() is None]
        numbers += map(number_of, values)
        seen += [now_ns] * len(values)
    return np.array(numbers, dtype=np.int64), np.array(seen, dtype=np.int64)


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"Exactly once, committed every {figures['commit_interval_ms']:.0f} ms. In ms, from when a "
        "transaction is due until a read_committed reader has its prediction; the medians of "
        f"{figures['turns']} turns of {figures['seconds']:.0f} s:"
    )
    yield ""
    yield "| delivery | transactions/s | p50 | p99 | from | to | p99.9 | worst | generator late, worst |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in figures["rows"]:
        name = str(row["delivery"]).replace("_", " ")
        cells = " | ".join(f"{row[key]:.1f}" for key in _COLUMNS)
        yield f"| {name} | {row['rate']:,.0f} | {cells} |"
