"""`python -m benchmarks.scaling`: a plan for 1 thousand, 50 thousand and 1 million transactions a second.

What was measured on one core and what AWS charges are constants at the top; everything else follows from
them. Beside the arithmetic a small simulation plays the consumer group: partitions of unequal traffic are
spread over the workers, and each worker is restarted in turn while the traffic goes on.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DAY_S = 86_400
_SEED = 7
_GB = 1e9


@dataclass(frozen=True)
class Measured:
    """Of one worker process on one core; docs/performance.md says how."""

    scored_per_s: float = 60_000.0
    """Transactions scored exactly once, with all features and a model of 300 trees; and a margin."""
    replayed_per_s: float = 110_000.0
    """Events a second of a replay: consume 2, admission 3.6, hashes 1.7, kernel 1.1 µs, and a margin."""
    bytes_per_event: float = 53.0
    """Of the features' state: 3.2 kB for a card of 60 events."""
    snapshot_bytes_per_s: float = 100e6
    """Read from object storage and checked."""
    transaction_bytes: float = 254.0
    prediction_bytes: float = 340.0
    compression: float = 0.45
    """Size on the wire and on the disk with lz4."""
    start_s: float = 10.0
    """A worker's process, until it asks for its state."""


@dataclass(frozen=True)
class Assumed:
    """What a plan leaves room for."""

    utilisation: float = 0.5
    """Of a worker at the peak: one of two may fail, and what waited is caught up as fast as it came."""
    state_bytes_per_worker: float = 16e9
    """What one core can restore in a few minutes."""
    partitions_per_worker: int = 4
    peak_to_average: float = 3.0
    events_per_card: float = 60.0
    """In 30 days."""
    window_days: int = 30
    retention_days: int = 35
    replicas: int = 3
    commits_per_s: float = 10.0
    broker_in_bytes_per_s: float = 60e6
    """That one broker takes, replication included, and stays at half of its network and disk."""
    snapshot_interval_s: float = 300.0
    restarted_at_once: float = 0.05
    """Of the workers, at least one: waves of a rolling restart."""


@dataclass(frozen=True)
class Prices:
    """On demand in us-east-1 as of 2025, in USD, rounded; check them before you sign anything."""

    core_month: float = 33.0
    """m7g: about 0.041 an hour and core, with 4 GiB each."""
    memory_gib_month: float = 4.9
    """r7g beyond the core's own: about 0.0067 an hour and GiB."""
    broker_month: float = 300.0
    """kafka.m7g.large about 0.20 an hour, twice that with its share of the network between zones."""
    disk_gb_month: float = 0.10


RATES = (1_000, 50_000, 1_000_000)


@dataclass(frozen=True)
class CapacityPlan:
    """What a peak rate needs."""

    rate: int
    workers_to_score: int
    workers_to_remember: int
    partitions: int
    cards: float
    state_bytes: float
    replay_s: float
    snapshot_s: float
    in_bytes_per_s: float
    out_bytes_per_s: float
    commits_per_s: float
    brokers: int
    disk_bytes: float
    dollars: float

    @property
    def workers(self) -> int:
        """As many as scoring or memory asks for, whichever is more."""
        return max(self.workers_to_score, self.workers_to_remember)

    @property
    def state_per_worker(self) -> float:
        """Bytes."""
        return self.state_bytes / self.workers


def plan(
    rate: int, measured: Measured | None = None, assumed: Assumed | None = None, prices: Prices | None = None
) -> CapacityPlan:
    """The plan for a peak of `rate` transactions a second."""
    have, want, cost = measured or Measured(), assumed or Assumed(), prices or Prices()
    average = rate / want.peak_to_average
    events = average * want.window_days * DAY_S
    state = events * have.bytes_per_event
    to_score = max(2, math.ceil(rate / (have.scored_per_s * want.utilisation)))
    to_remember = math.ceil(state / want.state_bytes_per_worker)
    workers = max(to_score, to_remember)
    # transactions in; predictions in beside them. Labels and profiles are a thousandth of that.
    written = rate * (have.transaction_bytes + have.prediction_bytes) * have.compression
    # Serving and ingest read transactions; dashboard and monitor read predictions; replicas read both.
    read = rate * (2 * have.transaction_bytes + 2 * have.prediction_bytes) * have.compression
    disk = written / want.peak_to_average * want.retention_days * DAY_S * want.replicas
    brokers = max(3, math.ceil(written * want.replicas / want.broker_in_bytes_per_s))
    extra_gib = max(0.0, state / 2**30 - workers * 4)
    dollars = (
        workers * cost.core_month
        + extra_gib * cost.memory_gib_month
        + brokers * cost.broker_month
        + disk / _GB * cost.disk_gb_month
    )
    return CapacityPlan(
        rate=rate,
        workers_to_score=to_score,
        workers_to_remember=to_remember,
        partitions=workers * want.partitions_per_worker,
        cards=events / want.events_per_card,
        state_bytes=state,
        replay_s=events / workers / have.replayed_per_s,
        snapshot_s=state / workers / have.snapshot_bytes_per_s,
        in_bytes_per_s=written * want.replicas,
        out_bytes_per_s=read + written * (want.replicas - 1),
        commits_per_s=workers * want.commits_per_s,
        brokers=brokers,
        disk_bytes=disk,
        dollars=dollars,
    )


@dataclass(frozen=True)
class Rolling:
    """What the simulated group went through while its workers were restarted one after another."""

    busiest: float
    """The busiest worker's share of its capacity, in ordinary times."""
    minutes: float
    """Until every worker was restarted and nothing waited any more; in waves of a twentieth."""
    worst_wait_s: float
    """The longest that a transaction waited."""


def roll(one: CapacityPlan, hot_share: float = 0.0, seed: int = _SEED) -> Rolling:
    """Restart all workers in waves, their partitions waiting meanwhile, at the peak rate.

    Traffic falls on partitions as cards do: by chance, plus one card that has `hot_share` of all of it. A
    partition waits while someone restores it from its snapshot, replays what came after that, and then
    catches up at the speed that its worker has left; the next wave starts when the last one has caught up.
    """
    have = Measured()
    load = _load(one, hot_share, seed).reshape(one.workers, -1).sum(axis=1)
    waiting_s = have.start_s + one.snapshot_s + Assumed().snapshot_interval_s * load / have.replayed_per_s
    backlog = load * waiting_s
    spare = have.scored_per_s - load
    if (spare <= 0).any():
        return Rolling(float(load.max() / have.scored_per_s), math.inf, math.inf)
    wave = max(1, int(one.workers * Assumed().restarted_at_once))
    until_well = waiting_s + backlog / spare
    seconds = sum(until_well[start : start + wave].max() for start in range(0, one.workers, wave))
    return Rolling(float(load.max() / have.scored_per_s), float(seconds / 60), float(waiting_s.max()))


def _load(one: CapacityPlan, hot_share: float, seed: int) -> npt.NDArray[np.float64]:
    """Transactions a second on each partition."""
    generator = np.random.default_rng(seed)
    # Cards differ by their habit; the law of large numbers levels that out over many cards.
    cards = min(int(one.cards), 2_000_000)
    habits = generator.lognormal(0.0, 1.0, cards)
    shares = np.zeros(one.partitions)
    np.add.at(shares, generator.integers(one.partitions, size=cards), habits)
    shares *= (1 - hot_share) / shares.sum()
    shares[0] += hot_share
    return shares * one.rate


def table() -> Iterator[str]:
    """The plans, side by side, as Markdown."""
    plans = [plan(rate) for rate in RATES]
    yield "| | " + " | ".join(f"{one.rate:,}/s" for one in plans) + " |"
    yield "|---|" + "---|" * len(plans)
    for name, format_plan in _ROWS.items():
        yield f"| {name} | " + " | ".join(format_plan(one) for one in plans) + " |"


_ROWS: dict[str, Callable[[CapacityPlan], str]] = {
    "workers for the scoring, half busy at the peak": lambda it: f"{it.workers_to_score:,}",
    "workers for the state, 16 GB each": lambda it: f"{it.workers_to_remember:,}",
    "partitions": lambda it: f"{it.partitions:,}",
    "cards, at 60 payments in 30 days": lambda it: f"{it.cards / 1e6:,.0f} million",
    "state in memory, together": lambda it: f"{it.state_bytes / _GB:,.0f} GB",
    "state of one worker": lambda it: f"{it.state_per_worker / _GB:,.0f} GB",
    "restoring one worker from snapshots": lambda it: _time(it.snapshot_s),
    "restoring one worker by replay": lambda it: _time(it.replay_s),
    "into the brokers, three copies": lambda it: f"{it.in_bytes_per_s / 1e6:,.1f} MB/s",
    "out of the brokers": lambda it: f"{it.out_bytes_per_s / 1e6:,.1f} MB/s",
    "transactions committed": lambda it: f"{it.commits_per_s:,.0f}/s",
    "brokers": lambda it: f"{it.brokers:,}",
    "disk, 35 days, three copies": lambda it: f"{it.disk_bytes / 1e12:,.1f} TB",
    "USD a month, order of magnitude": lambda it: f"{float(f'{it.dollars:.1g}'):,.0f}",
    "simulated: busiest worker": lambda it: f"{roll(it).busiest:.0%}",
    "simulated: all workers restarted in waves": lambda it: _time(roll(it).minutes * 60),
    "simulated: longest wait of a transaction meanwhile": lambda it: _time(roll(it).worst_wait_s),
    "simulated: busiest worker, one card with 1 % of the traffic": lambda it: f"{roll(it, 0.01).busiest:.0%}",
    "simulated: busiest worker, one card with 20 %": lambda it: f"{roll(it, 0.2).busiest:.0%}",
}


def _time(seconds: float) -> str:
    if math.isinf(seconds):
        return "never"
    for unit, size in (("days", DAY_S), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


if __name__ == "__main__":
    print("\n".join(table()))
