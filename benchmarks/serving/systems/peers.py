"""Kafka Streams and Flink beside the engine: the same payments, in turns, exactly once.

The peers are written and tuned as their manuals advise (`jvm/`): a card's payments of 30 days in the system's
own state, exact sliding windows over them, and 300 trees by xgboost4j on one payment at a time. Their first
messages are not measured: by then the JVM has compiled what it runs.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS, WINDOW_FEATURES, windows_model
from benchmarks.serving.harness.processes import Workers, committed_rate, engines, stop
from benchmarks.serving.harness.testbed import Testbed, print_progress, testbed
from benchmarks.serving.harness.traffic import fill
from benchmarks.serving.latency import Latency, measure
from benchmarks.serving.systems.jvm_code import FLINK, STREAMS, JvmProgram
from fraud.settings import Settings

RATE = 2_000
_ENGINE = "this engine"
_TOPIC = "transactions"
_HEAP_MB = 2_048
_THREADS = 2
_LATENCY_COMMITS_S = 0.02


@dataclass(frozen=True)
class Peer:
    """A system on the JVM: its state in `memory` or `rocksdb`, its trees by `xgboost4j` or `java`."""

    name: str
    program: JvmProgram
    store: str
    trees: str


@dataclass(frozen=True)
class Throughput:
    """What one system did in one turn, when it was warm."""

    name: str
    per_s: float
    cpu_us: float
    resident_mb: float


PEERS = (
    Peer("Kafka Streams, in memory, xgboost4j", STREAMS, "memory", "xgboost4j"),
    Peer("Kafka Streams, RocksDB, xgboost4j", STREAMS, "rocksdb", "xgboost4j"),
    Peer("Kafka Streams, in memory, trees in Java", STREAMS, "memory", "java"),
    Peer("Kafka Streams, RocksDB, trees in Java", STREAMS, "rocksdb", "java"),
    Peer("Flink, in memory, xgboost4j", FLINK, "memory", "xgboost4j"),
    Peer("Flink, RocksDB, xgboost4j", FLINK, "rocksdb", "xgboost4j"),
    Peer("Flink, in memory, trees in Java", FLINK, "memory", "java"),
    Peer("Flink, RocksDB, trees in Java", FLINK, "rocksdb", "java"),
)
QUICK = [peer for peer in PEERS if (peer.store, peer.trees) == ("memory", "java")]
"""One of each system, to try the benchmark out."""


def run(
    skipped: int,
    messages: int,
    turns: int,
    seconds: float,
    warm_up_s: float,
    chosen: Sequence[Peer] = PEERS,
) -> Section:
    """Throughput and latency of the engine and of each peer, `turns` times in turn.

    Args:
        skipped: the first messages of each run, which are not measured.
        messages: of the throughput, with the skipped ones.
        turns: of each system.
        seconds: of each measured load of `RATE`.
        warm_up_s: of the load before it.
        chosen: the peers; latency is measured of those with trees in Java, which are the faster ones.
    """
    faster = [peer for peer in chosen if peer.trees == "java"]
    rates: list[Throughput] = []
    delays: list[tuple[str, Latency]] = []
    with testbed() as bed:
        fill(bed.settings("filler", topic=_TOPIC), messages, CARDS)
        for turn in range(turns):
            rates += [_throughput(bed, peer, turn, skipped, messages) for peer in (None, *chosen)]
        for turn in range(turns):
            delays += [_latency(bed, peer, turn, skipped, seconds, warm_up_s) for peer in (None, *faster)]
    figures = {
        "rates": [asdict(one) for one in rates],
        "delays": [{"name": name} | asdict(one) for name, one in delays],
        "turns": turns,
        "messages": messages - skipped,
        "seconds": seconds,
        "cards": CARDS,
        "versions": [":".join(module) for module in dict.fromkeys((*STREAMS.modules, *FLINK.modules))],
    }
    return Section("peers", "Peers on the JVM, exactly once", figures, list(tables(figures)))


@contextmanager
def peer_process(
    peer: Peer, settings: Settings, model: Path, *, with_features: bool = False
) -> Iterator[Workers]:
    """Run a peer on the settings' topics, as their group, until the block ends.

    Args:
        peer: which one.
        settings: of its topics, group, home and commits.
        model: the file of its trees, on `WINDOW_FEATURES`.
        with_features: whether each prediction has its `features`.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    file = settings.home / "peer.properties"
    given = {**_properties(peer, settings), "model": model, "features": str(with_features).lower()}
    file.write_text("".join(f"{name}={value}\n" for name, value in given.items()), encoding="utf-8")
    with (settings.home / "log").open("ab") as log:
        process = subprocess.Popen([*peer.program.command(_HEAP_MB), str(file)], stdout=log, stderr=log)
    try:
        yield Workers(settings, [process])
    finally:
        stop([process])


def _properties(peer: Peer, settings: Settings) -> dict[str, object]:
    return {
        "servers": settings.kafka.bootstrap_servers,
        "group": settings.serving.group_id,
        "input": settings.topics.transactions,
        "output": settings.topics.predictions,
        "folder": settings.home.absolute() / "state",
        "store": peer.store,
        "trees": peer.trees,
        "threads": _THREADS,
        "commit_ms": round(settings.serving.commit_interval_s * 1_000),
        "checkpoint": _newest_checkpoint(settings.home / "state"),
    }


def _newest_checkpoint(folder: Path) -> str:
    """The last complete one of Flink; empty: there is none."""
    found = [file.parent for file in folder.glob("*/chk-*/_metadata")]
    newest = max(found, key=lambda one: int(one.name.removeprefix("chk-")), default=None)
    return newest.absolute().as_uri() if newest else ""


def run_system(peer: Peer | None, settings: Settings) -> AbstractContextManager[Workers]:
    """The processes of a peer, or of the engine (None), until the block ends."""
    return engines(settings) if peer is None else peer_process(peer, settings, windows_model())


def name_of(peer: Peer | None) -> str:
    """In the tables."""
    return _ENGINE if peer is None else peer.name


def _settings(bed: Testbed, peer: Peer | None, part: str, turn: int, **given: Any) -> Settings:
    system = "engine" if peer is None else f"{peer.program.main.lower()}-{peer.store}-{peer.trees}"
    return bed.settings(f"{part}-{system}-{turn}", **given)


def _throughput(bed: Testbed, peer: Peer | None, turn: int, skipped: int, messages: int) -> Throughput:
    settings = _settings(bed, peer, "throughput", turn, topic=_TOPIC)
    with run_system(peer, settings) as group:
        committed_rate(settings, skipped, group.processes)
        before = group.cpu_s()
        rate = committed_rate(settings, messages, group.processes)
        if not rate.messages:
            raise RuntimeError(f"{name_of(peer)} was done before it could be measured; give it more messages")
        cpu_us = (group.cpu_s() - before) / rate.messages * 1e6
        found = Throughput(name_of(peer), rate.per_s, cpu_us, group.resident_bytes() / 1e6)
    print_progress(f"peers: {found.name}: {found.per_s:,.0f}/s, {found.cpu_us:.1f} µs of processor each")
    return found


def _latency(
    bed: Testbed, peer: Peer | None, turn: int, skipped: int, seconds: float, warm_up_s: float
) -> tuple[str, Latency]:
    settings = _settings(bed, peer, "latency", turn, commit_interval_s=_LATENCY_COMMITS_S)
    fill(settings, skipped, CARDS)
    with run_system(peer, settings) as group:
        committed_rate(settings, skipped, group.processes)
        measure(settings, RATE, warm_up_s)
        found = measure(settings, RATE, seconds)
    print_progress(
        f"peers: {name_of(peer)} at {RATE:,}/s: p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, "
        f"p99.9 {found.p999:.1f} ms"
    )
    return name_of(peer), found


def tables(figures: dict[str, Any]) -> Iterator[str]:
    """The lines of the section: throughput, then latency, a row for each system."""
    yield _conditions(figures)
    yield ""
    yield from _rate_table(figures["rates"])
    yield ""
    yield (
        f"Latency at {RATE:,} payments/s, commits every {_LATENCY_COMMITS_S * 1_000:.0f} ms, in ms, from "
        "when a payment is due until a read_committed reader has its prediction; "
        f"{figures['seconds']:.0f} s a turn:"
    )
    yield ""
    yield from _delay_table(figures["delays"])


def _conditions(figures: dict[str, Any]) -> str:
    return (
        f"Medians of {figures['turns']} turns, the systems in turn on one broker on the same two cores; "
        f"{figures['messages']:,} messages after the warm-up, {figures['cards']:,} cards, commits every "
        f"100 ms. The peers compute {len(WINDOW_FEATURES)} features (the amount; count, sum, mean and "
        "maximum of five sliding windows up to 30 days) and score one payment at a time with 300 trees "
        "trained on these: by xgboost4j, whose call takes most of their time, or by a walk over the trees in "
        "plain Java. The engine computes its 49 features, scores 300 trees trained on them, and "
        "explains what it flags. Left out by the peers: checks of the fields and dead letters, the other "
        "28 features, merchants' profiles, rules and lists, reasons. CPU is the process's; per core is what "
        f"a second of processor time does. {', '.join(figures['versions'])}."
    )


def _rate_table(rates: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield (
        "| | messages/s | from | to | CPU µs/message | messages/s per core | the engine's, times "
        "| memory, MB |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    engine_us = median(one["cpu_us"] for one in rates if one["name"] == _ENGINE)
    for name in dict.fromkeys(one["name"] for one in rates):
        turns = [one for one in rates if one["name"] == name]
        seen = [one["per_s"] for one in turns]
        cpu_us, resident_mb = (median(one[key] for one in turns) for key in ("cpu_us", "resident_mb"))
        yield (
            f"| {name} | {median(seen):,.0f} | {min(seen):,.0f} | {max(seen):,.0f} | {cpu_us:.1f} "
            f"| {1e6 / cpu_us:,.0f} | {cpu_us / engine_us:.1f} | {resident_mb:,.0f} |"
        )


def _delay_table(delays: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| | p50 | p99 | from | to | p99.9 | worst | missing |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in dict.fromkeys(one["name"] for one in delays):
        turns = [one for one in delays if one["name"] == name]
        p99 = [one["p99"] for one in turns]
        p50, p999 = (median(one[key] for one in turns) for key in ("p50", "p999"))
        worst, missing = (max(one[key] for one in turns) for key in ("worst", "missing"))
        yield (
            f"| {name} | {p50:.1f} | {median(p99):.1f} | {min(p99):.1f} | {max(p99):.1f} | {p999:.1f} "
            f"| {worst:.1f} | {missing} |"
        )
