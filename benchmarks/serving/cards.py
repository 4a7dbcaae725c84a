"""Cost of the state of a month of many cards: memory, restart from a snapshot, throughput.

The state is that of cards with 60 events in 30 days. It is made by the engine's own store and laid into the
lake as snapshots, as an engine that has run for a month would have; then an engine is started on it.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.results import Section
from benchmarks.serving.harness.events import events_of
from benchmarks.serving.harness.processes import committed_rate, engines
from benchmarks.serving.harness.testbed import PARTITIONS, Testbed, print_progress, testbed
from benchmarks.serving.harness.traffic import START_MS, card_id, fill
from fraud.definitions.loading import load_definitions
from fraud.features.events import Events, hash_identifier
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.state.partition_state import PartitionState
from serving.state.snapshots import Snapshots

EVENTS_PER_CARD = 60
_CARDS_AT_ONCE = 2_000
_NEVER_S = 86_400.0
_GAUGES_S = 1.5


@dataclass(frozen=True)
class CardFigures:
    """The measurements of one number of cards."""

    cards: int
    array_bytes: float
    resident_bytes: float
    snapshot_mb: float
    restored_s: float
    restart_s: float
    per_s: float


def run(numbers: tuple[int, ...], messages: int) -> Section:
    """Each number of cards, with throughput over `messages`."""
    rows = []
    for cards in numbers:
        with testbed() as bed:
            rows.append(_measure(bed, cards, messages))
        print_progress(f"cards: {rows[-1]}")
    figures = {"events_per_card": EVENTS_PER_CARD, "rows": [asdict(row) for row in rows]}
    return Section("cards", "A month of many cards", figures, list(_table(rows)))


def _measure(bed: Testbed, cards: int, messages: int) -> CardFigures:
    with engines(bed.settings("empty")) as empty:
        empty.wait_until_scoring()
        base = empty.resident_bytes()
    settings = bed.settings("cards", snapshot_interval_s=_NEVER_S)
    print_progress(f"cards: making the state of {cards:,}")
    for partition in range(PARTITIONS):
        _write_snapshot(settings, partition, cards)
    files = list((settings.home / "lake").rglob("*.snapshot"))
    started = time.perf_counter()
    with engines(settings) as workers:
        workers.wait_until_scoring()
        restart_s = time.perf_counter() - started
        restored_s = workers.metric("fraud_restore_seconds_sum")
        resident = workers.resident_bytes() - base
    fill(settings, messages, cards)
    with engines(settings) as workers:
        rate = committed_rate(settings, messages)
        time.sleep(_GAUGES_S)
        card_count, array_bytes = workers.metric("fraud_state_cards"), workers.metric("fraud_state_bytes")
    assert card_count == cards, f"{card_count} cards instead of {cards}"
    snapshots_mb = sum(file.stat().st_size for file in files) / 1e6
    return CardFigures(
        cards, array_bytes / cards, resident / cards, snapshots_mb, restored_s, restart_s, rate.per_s
    )


def _write_snapshot(settings: Settings, partition: int, cards: int) -> None:
    """Write a partition's snapshot, as of before its first message."""
    numbers = np.arange(partition, cards, PARTITIONS)
    store, draw = CardStore(load_definitions()), np.random.default_rng(partition)
    for first in range(0, len(numbers), _CARDS_AT_ONCE):
        store.process(_month(draw, numbers[first : first + _CARDS_AT_ONCE]))
    state = PartitionState(
        partition, 0, AdmissionFilter(load_definitions(), settings.admission, START_MS), restored=store
    )
    serving = settings.serving.model_copy(update={"snapshot_interval_s": 0.001})
    snapshots = Snapshots(settings.model_copy(update={"serving": serving}), Metrics())
    while not list((settings.home / "lake").rglob(f"p{partition}/*.snapshot")):
        snapshots.start_due([state])
        snapshots.wait(300)
        time.sleep(0.01)


def _month(draw: np.random.Generator, numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Events:
    """The events of whole cards, one card after another, in order of time."""
    count = len(numbers) * EVENTS_PER_CARD
    definitions = load_definitions()
    hashes = np.array([hash_identifier(card_id(number)) for number in numbers.tolist()], dtype=np.uint64)
    span = definitions.longest_window_ms - 86_400_000
    times = np.sort(START_MS - draw.integers(1, span, (len(numbers), EVENTS_PER_CARD)), axis=1).reshape(-1)
    return events_of(
        definitions,
        count,
        card=np.repeat(hashes, EVENTS_PER_CARD),
        transaction=draw.integers(0, 2**63, count),
        timestamp=times,
        amount=draw.integers(100, 90_000, count),
        merchant_id=draw.integers(1, 2_000, count),
        merchant_category=draw.integers(1, 20, count),
        channel=draw.integers(1, 3, count),
        country=draw.integers(1, 4, count),
        latitude=draw.uniform(45, 55, count),
        longitude=draw.uniform(5, 15, count),
    )


def _table(rows: list[CardFigures]) -> Iterator[str]:
    yield (
        f"{EVENTS_PER_CARD} events a card in 30 days, {PARTITIONS} partitions, one process; the restart is "
        "from starting the process until every partition is scored again."
    )
    yield ""
    yield (
        "| cards | arrays, bytes a card | resident, bytes a card | snapshots, MB | restoring, s "
        "| restart, s | messages/s |"
    )
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield (
            f"| {row.cards:,} | {row.array_bytes:,.0f} | {row.resident_bytes:,.0f} | {row.snapshot_mb:,.0f} "
            f"| {row.restored_s:.1f} | {row.restart_s:.1f} | {row.per_s:,.0f} |"
        )
