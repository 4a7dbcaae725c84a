"""Restart with the state of many cards, and its memory: the engine beside Kafka Streams and Flink.

Every system scores the same payments, is ended by SIGTERM, and is started again: the engine from its
snapshots, Kafka Streams from its local store or its changelog, Flink from its last checkpoint. A restart
takes from the start of the process until payments that came meanwhile, one in each partition, are committed.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.results import Section
from benchmarks.serving.harness.processes import committed_rate, wait_until
from benchmarks.serving.harness.testbed import PARTITIONS, Testbed, print_progress, testbed
from benchmarks.serving.harness.traffic import SyntheticTraffic, fill, time_of
from benchmarks.serving.systems.jvm_code import heap_mb
from benchmarks.serving.systems.peers import PEERS, Peer, name_of, run_system
from fraud.kafka.clients import flush, producer_config
from fraud.settings import Settings

_TOPIC = "transactions"
_SNAPSHOT_S = 5.0
_CHOSEN = [peer for peer in PEERS if peer.trees == "java"]
"""Their trees have no part in a restart; these are the faster ones."""


@dataclass(frozen=True)
class Restart:
    """What one system did; sizes in MB, `heap_mb` of objects in use, 0 where there is no JVM."""

    name: str
    restart_s: float
    resident_mb: float
    heap_mb: float
    disk_mb: float


def run(cards: int, messages: int, chosen: Sequence[Peer] = _CHOSEN) -> Section:
    """The engine, then each peer, with the state of `messages` payments of `cards` cards."""
    rows: list[Restart] = []
    with testbed() as bed:
        fill(bed.settings("filler", topic=_TOPIC), messages, cards)
        for turn, peer in enumerate((None, *chosen)):
            rows.append(_restart(bed, peer, messages + turn * PARTITIONS))
            print_progress(f"restarts: {rows[-1]}")
    figures = {"cards": cards, "messages": messages, "rows": [asdict(row) for row in rows]}
    return Section("restarts", "Restart with many cards, beside peers", figures, list(_table(figures)))


def _restart(bed: Testbed, peer: Peer | None, sent: int) -> Restart:
    """One system; `sent` payments are in the topic, and `PARTITIONS` more are at the end."""
    name = "engine" if peer is None else f"{peer.program.main.lower()}-{peer.store}"
    settings = bed.settings(f"restart-{name}", topic=_TOPIC, snapshot_interval_s=_SNAPSHOT_S)
    with run_system(peer, settings) as group:
        committed_rate(settings, sent, group.processes)
        if peer is None:
            wait_until(lambda: _snapshot_offsets(settings) == sent, group.processes, settings)
        resident_mb = group.resident_bytes() / 1e6
        objects_mb = heap_mb(group.processes[0].pid) if peer else 0.0
    disk_mb = sum(file.stat().st_size for file in _state_files(settings, peer)) / 1e6
    _send_one_to_each_partition(settings, sent)
    started = time.perf_counter()
    with run_system(peer, settings) as group:
        committed_rate(settings, sent + PARTITIONS, group.processes)
        restart_s = time.perf_counter() - started
    return Restart(name_of(peer), restart_s, resident_mb, objects_mb, disk_mb)


def _snapshot_offsets(settings: Settings) -> int:
    """The sum of the partitions' newest offsets that a snapshot has."""
    newest: dict[Path, int] = {}
    for file in _snapshots(settings):
        newest[file.parent] = max(newest.get(file.parent, 0), int(file.stem))
    return sum(newest.values())


def _snapshots(settings: Settings) -> Iterator[Path]:
    return (settings.home / "lake").rglob("*.snapshot")


def _state_files(settings: Settings, peer: Peer | None) -> list[Path]:
    found = _snapshots(settings) if peer is None else (settings.home / "state").rglob("*")
    return [file for file in found if file.is_file()]


def _send_one_to_each_partition(settings: Settings, first: int) -> None:
    producer, traffic = Producer(producer_config(settings)), SyntheticTraffic(1)
    for number in range(first, first + PARTITIONS):
        key, value = traffic.draw(number)
        place = {"partition": number % PARTITIONS, "timestamp": time_of(number)}
        producer.produce(settings.topics.transactions, value, key, **place)
    flush(producer, 60)


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{figures['messages']:,} payments of {figures['cards']:,} cards, {PARTITIONS} partitions, one "
        "process of each system, ended by SIGTERM; a restart is from the start of the process until a "
        "payment of each partition that came meanwhile is committed. The engine keeps its features' columns, "
        "the peers a time and an amount of each payment. Heap is of the objects in use; disk is of snapshots "
        "(the newest two), local stores or checkpoints. Kafka Streams has a changelog in Kafka beside it."
    )
    yield ""
    yield "| | restart, s | resident, MB | heap, MB | disk, MB |"
    yield "|---|---|---|---|---|"
    for row in figures["rows"]:
        heap = f"{row['heap_mb']:,.0f}" if row["heap_mb"] else ""
        yield (
            f"| {row['name']} | {row['restart_s']:.1f} | {row['resident_mb']:,.0f} | {heap} "
            f"| {row['disk_mb']:,.0f} |"
        )
