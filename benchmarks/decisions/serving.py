"""The engine with 20 rules and 3 long lists against the engine without a policy, in turns."""

import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.decisions.deciding import ENTRIES, LISTS, POLICY
from benchmarks.decisions.rare_rules import rarely_firing
from benchmarks.definitions.harness.bed import VariantBed, variant_bed
from benchmarks.definitions.harness.checkouts import HERE, Variant
from benchmarks.results import Section
from benchmarks.serving.harness.model import CARDS, trained_model
from benchmarks.serving.harness.processes import committed_rate, engines
from benchmarks.serving.harness.shapes import shape
from benchmarks.serving.harness.testbed import print_progress
from benchmarks.serving.harness.traffic import fill, publish_profiles
from benchmarks.serving.latency import measure
from benchmarks.serving.throughput import score
from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.publishing import publish_entries
from fraud.decisions.log.publishing import PolicyProposal, approve, propose, set_alias
from fraud.kafka.topics import create_topics
from fraud.registry.cache import save_bundle
from fraud.settings import Settings

NONE, RULES = "none", "rules"
_RATE, _INTERVAL_S = 2_000, 0.02


@dataclass(frozen=True)
class Turn:
    """Messages a second, and microseconds of processor a message, of the engine and of the broker."""

    per_s: float
    engine_us: float
    broker_us: float

    @property
    def cpu_us(self) -> float:
        """Of both."""
        return self.engine_us + self.broker_us


@dataclass(frozen=True)
class ServingSizes:
    """How much is measured."""

    messages: int = 200_000
    turns: int = 10
    seconds: float = 5.0
    starts: int = 2
    warm_up: int = 30_000
    entries: int = ENTRIES


TINY = ServingSizes(30_000, 2, 2.0, 1, 10_000, 10_000)


def measure_serving(sizes: ServingSizes) -> Section:
    """Throughput and latency with and without a policy, alternately."""
    with variant_bed() as bed:
        turns = _throughput(bed, sizes)
        latencies = _latency(bed, sizes)
    ratio, ratio_cpu = _ratio(turns, "per_s"), _ratio(turns, "cpu_us")
    p99 = {name: median(one[1] for one in found) for name, found in latencies.items()}
    figures: dict[str, Any] = {
        "turns": {name: [asdict(one) for one in found] for name, found in turns.items()},
        "ratio": ratio,
        "ratio_cpu": ratio_cpu,
        "latencies_ms": latencies,
    }
    rows = [
        f"| {title} | {_median(turns[name], 'per_s'):,.0f} | {_median(turns[name], 'engine_us'):.1f} "
        f"| {_median(turns[name], 'broker_us'):.1f} | {median(one[0] for one in latencies[name]):.1f} "
        f"| {p99[name]:.1f} |"
        for name, title in ((NONE, "no policy"), (RULES, f"20 rules, 3 lists of {sizes.entries:,}"))
    ]
    table = [
        f"Exactly once, {sizes.messages:,} messages, {sizes.turns} turns of both in changing order, one "
        f"process; latency at {_RATE:,}/s. The rules fire on about one payment in 300. "
        "Medians; ratios are the medians of those of the turns.",
        "",
        "| | messages/s | engine, µs of processor | broker, µs | p50, ms | p99, ms |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        f"Throughput {ratio:.3f} of that without a policy (bar 0.9); p99 {p99[RULES] - p99[NONE]:+.1f} ms "
        f"(bar +3). Processor time of engine and broker {ratio_cpu:.3f} of that without a policy, whatever "
        "else the machine does.",
    ]
    return Section("deciding-serving", "The engine with rules and lists, exactly once", figures, table)


def _ratio(turns: dict[str, list[Turn]], figure: str) -> float:
    pairs = zip(turns[RULES], turns[NONE], strict=True)
    return float(median(getattr(ours, figure) / getattr(theirs, figure) for ours, theirs in pairs))


def _median(turns: list[Turn], figure: str) -> float:
    return float(median(getattr(one, figure) for one in turns))


def _throughput(bed: VariantBed, sizes: ServingSizes) -> dict[str, list[Turn]]:
    """Each turn; the first one of each warms up and does not count."""
    settings = {name: _prepared(bed, name, "throughput", sizes) for name in (NONE, RULES)}
    fill(settings[NONE], sizes.messages, CARDS)
    turns: dict[str, list[Turn]] = {NONE: [], RULES: []}
    for number in range(sizes.turns + 1):
        for name in (NONE, RULES)[:: -1 if number % 2 else 1]:
            found = _score(bed, settings[name], f"{name}-{number}", sizes.messages)
            print_progress(f"deciding: {name} {found.per_s:,.0f}/s, {found.cpu_us:.1f} µs of processor each")
            if number:
                turns[name].append(found)
    return turns


def _score(bed: VariantBed, settings: Settings, group: str, messages: int) -> Turn:
    serving = settings.serving.model_copy(update={"group_id": group, "transactional_id": group})
    before = bed.broker_cpu_s()
    count, seconds, cpu_s = score(settings.model_copy(update={"serving": serving}), messages)
    return Turn(count / seconds, cpu_s / count * 1e6, (bed.broker_cpu_s() - before) / count * 1e6)


def _latency(bed: VariantBed, sizes: ServingSizes) -> dict[str, list[tuple[float, float]]]:
    """p50 and p99 (ms) of each turn; engines are started alternately."""
    found: dict[str, list[tuple[float, float]]] = {NONE: [], RULES: []}
    for number, name in enumerate([NONE, *[NONE, RULES, RULES, NONE][: 2 * sizes.starts]]):
        settings = _prepared(bed, name, f"latency-{number}", sizes, commit_interval_s=_INTERVAL_S)
        fill(settings, sizes.warm_up, CARDS)
        with engines(settings) as running:
            running.wait_until_scoring()
            committed_rate(settings, sizes.warm_up)
            measure(settings, _RATE, sizes.seconds)  # The first of an engine is slower by tens of ms.
            for _ in range(2):
                one = measure(settings, _RATE, sizes.seconds)
                print_progress(f"deciding: {name} p50 {one.p50:.1f} ms, p99 {one.p99:.1f} ms")
                if number:
                    found[name].append((one.p50, one.p99))
    return found


def _prepared(bed: VariantBed, name: str, topic: str, sizes: ServingSizes, **serving: Any) -> Settings:
    """Settings whose model, profiles, policy and entries are there."""
    base = bed.settings(Variant(name, HERE, shape("v1")), topic, **serving)
    topics = base.topics.model_copy(
        update={"policies": f"{name}.{topic}.policies", "lists": f"{name}.{topic}.lists"}
    )
    settings = base.model_copy(update={"topics": topics})
    create_topics(settings)
    publish_profiles(settings)
    save_bundle(trained_model(), settings.home / "serving" / "model")
    if name == RULES:
        _decide_by_rules(settings, sizes.entries)
    return settings


def _decide_by_rules(settings: Settings, entries: int) -> None:
    policy = rarely_firing(settings.loaded_definitions, POLICY)
    version = propose(settings, PolicyProposal(policy, "ann")).version
    approve(settings, version, "bob")
    set_alias(settings, "live", version, "bob")
    now_ms = time.time_ns() // 1_000_000
    for list_name, kind in LISTS.items():
        values = (f"{kind}-{number * 1_000}" for number in range(entries))
        publish_entries(settings, [ListEntry(list_name, value, "jane", now_ms) for value in values])
