"""What the engine tells Prometheus, in a registry of its own."""

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import compress

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fraud.features.availability import profile_days
from fraud.features.spec import DAY_MS
from fraud.kafka.keys import KINDS, Kind
from fraud.registry.bundle import ModelBundle
from serving.delivery.protocol import OutboxBatch

SCORES = tuple(round(0.05 * step, 2) for step in range(1, 21))
_EPOCH = date(1970, 1, 1).toordinal()
_MOST_BEHIND = 16
"""More days than the profiles that are due can be behind."""
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0)


class ArrayHistogram(Collector):
    """A histogram that takes whole arrays: a call per value would cost more than the scoring."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._text = name, text
        self._bounds = np.asarray(bounds)
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._sum = 0.0
        registry.register(self)

    @property
    def count(self) -> int:
        """How many values there were."""
        return int(self._counts.sum())

    def observe_many(self, values: npt.NDArray[np.floating]) -> None:
        """Count every value of the array."""
        places = np.searchsorted(self._bounds, values, side="left")
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(values.sum())

    def collect(self) -> Iterable[Metric]:
        """The counts as Prometheus wants them: cumulative, the last one infinite."""
        bounds = [*map(str, self._bounds.tolist()), "+Inf"]
        buckets = list(zip(bounds, np.cumsum(self._counts).tolist(), strict=True))
        yield HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum)


class Metrics:
    """The engine's figures; `exposition` is what `/metrics` answers."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.decisions = Counter(
            "fraud_predictions", "Predictions by decision", ["decision"], registry=registry
        )
        self.repeated = Counter(
            "fraud_repeated_transactions",
            "Dropped: delivered before, with the same content",
            registry=registry,
        )
        self.reused_ids = Counter(
            "fraud_reused_ids",
            "Dead letters whose transaction_id another payment had taken",
            registry=registry,
        )
        self.dead_letters = Counter("fraud_dead_letters", "Messages that were refused", registry=registry)
        self.keys = Counter(
            "fraud_keys", "Sampled payments by their key and who placed it", ["kind"], registry=registry
        )
        self.scores = ArrayHistogram("fraud_score", "Calibrated scores", SCORES, registry)
        self.end_to_end = ArrayHistogram(
            "fraud_end_to_end_seconds", "Kafka's timestamp to committed prediction", LATENCIES, registry
        )
        self.stage_seconds = Histogram(
            "fraud_stage_seconds",
            "Time of a micro-batch's stages",
            ["stage"],
            buckets=LATENCIES,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "fraud_commit_seconds", "Time of a commit", buckets=LATENCIES, registry=registry
        )
        self.batch_messages = Histogram(
            "fraud_batch_messages",
            "Messages of a micro-batch",
            buckets=(1, 10, 100, 1_000, 10_000),
            registry=registry,
        )
        self.aborts = Counter("fraud_aborted_commits", "Commits that had to be repeated", registry=registry)
        self.producers_replaced = Counter(
            "fraud_producers_replaced", "Producers discarded because of a fatal error", registry=registry
        )
        self.lag = Gauge("fraud_lag_messages", "Messages not yet scored", ["partition"], registry=registry)
        self.cards = Gauge("fraud_state_cards", "Cards remembered", ["partition"], registry=registry)
        self.state_bytes = Gauge("fraud_state_bytes", "Memory of the cards", ["partition"], registry=registry)
        self.restorations = Counter(
            "fraud_restorations", "Partitions restored, by where from", ["source"], registry=registry
        )
        self.restore_seconds = Histogram(
            "fraud_restore_seconds",
            "Time until a partition's state was there",
            buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 300),
            registry=registry,
        )
        self.snapshots = Counter("fraud_snapshots", "Snapshots by outcome", ["outcome"], registry=registry)
        self.model = Gauge(
            "fraud_model_info", "1 for the model that scores", ["name", "version", "role"], registry=registry
        )
        self.model_digest = Gauge(
            "fraud_model_digest_info",
            "1 for the model that scores, by what identifies it",
            ["name", "version", "digest", "run", "role"],
            registry=registry,
        )
        self.reloads = Counter("fraud_model_reloads", "Models taken into service", registry=registry)
        self.refused_models = Counter(
            "fraud_models_refused", "Versions that could not serve", registry=registry
        )
        self.registry_failures = Counter(
            "fraud_registry_failures", "Looks at the registry that failed", registry=registry
        )
        self.topic_findings = Gauge(
            "fraud_topic_findings",
            "1 for a setting of a topic that is not as the system needs it, as of the start",
            ["topic", "setting"],
            registry=registry,
        )
        self.profiles = Gauge("fraud_profiles", "Merchants with a profile", registry=registry)
        self.profile_use = Counter(
            "fraud_profile_use",
            "Predictions by the age of the merchant's profile against the transaction's day",
            ["age"],
            registry=registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """A series that appears with its first event has no increase: Prometheus would not see that event."""
        for counter, values in (
            (self.decisions, ("approve", "review")),
            (self.keys, KINDS),
            (self.snapshots, ("written", "failed", "refused")),
            (self.profile_use, ("current", "stale", "newer", "none")),
        ):
            for value in values:
                counter.labels(value)

    def profiled(
        self,
        dates: Sequence[str | None],
        timestamps: npt.NDArray[np.int64],
        available_after: timedelta = timedelta(),
    ) -> None:
        """Note the profiles' dates with which transactions of these times (ms) were scored.

        A day's profiles are due `available_after` its midnight; before, those of the day before are current.
        """
        days, due = timestamps // DAY_MS, profile_days(timestamps, available_after)
        keys = days * _MOST_BEHIND + (days - due)
        for key in set(keys.tolist()):
            day, behind = divmod(key, _MOST_BEHIND)
            for generation, count in Tally(compress(dates, (keys == key).tolist())).items():
                self.profile_use.labels(_age(generation, day, day - behind)).inc(count)

    def visible(self, answers: Sequence[OutboxBatch]) -> None:
        """Note the latency of answers that have just been committed."""
        now_ms = time.time() * 1_000
        for one in answers:
            self.end_to_end.observe_many((now_ms - one.kafka_timestamps) / 1_000)

    def decided(self, decisions: Sequence[str]) -> None:
        """Count a micro-batch's decisions."""
        flagged = decisions.count("review")
        self.decisions.labels("review").inc(flagged)
        self.decisions.labels("approve").inc(len(decisions) - flagged)

    def keyed(self, kinds: Mapping[Kind, int]) -> None:
        """Count sampled payments by the kind of their key."""
        for kind, count in kinds.items():
            self.keys.labels(kind).inc(count)

    def owns(self, partition: int, lag: int, cards: int, size: int) -> None:
        """Tell of an owned partition: messages behind, cards remembered, their bytes."""
        label = str(partition)
        self.lag.labels(label).set(lag)
        self.cards.labels(label).set(cards)
        self.state_bytes.labels(label).set(size)

    def restored(self, source: str, seconds: float) -> None:
        """Note that a partition's state was rebuilt."""
        self.restorations.labels(source).inc()
        self.restore_seconds.observe(seconds)

    def model_serves(self, bundle: ModelBundle, role: str) -> None:
        """A model is taken into service."""
        self.model.labels(bundle.metadata.model_name, bundle.version, role).set(1)
        self.model_digest.labels(*_names(bundle), role).set(1)
        self.reloads.inc()

    def model_leaves(self, bundle: ModelBundle, role: str) -> None:
        """A model is no longer served; call it before `model_serves` of its successor."""
        self.model.remove(bundle.metadata.model_name, bundle.version, role)
        self.model_digest.remove(*_names(bundle), role)

    def forget_partition(self, partition: int) -> None:
        """Stop telling of a partition that went to another worker."""
        for gauge in (self.lag, self.cards, self.state_bytes):
            gauge.remove_by_labels({"partition": str(partition)})

    def exposition(self) -> bytes:
        """Everything, in Prometheus's text format."""
        return bytes(generate_latest(self._registry))


def _names(bundle: ModelBundle) -> tuple[str, str, str, str]:
    """What a model is called and identified by, as labels."""
    return bundle.metadata.model_name, bundle.version, bundle.digest, bundle.run_id


def _age(generation: str | None, day: int, due: int) -> str:
    """How a profile's date stands to a transaction's day and to the day due (days since 1970, UTC)."""
    if generation is None:
        return "none"
    today, oldest = (date.fromordinal(_EPOCH + number).isoformat() for number in (day, due))
    if generation < oldest:
        return "stale"
    return "current" if generation <= today else "newer"


def gauge_values(metrics: Metrics, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """The samples of one metric, for tests and the status page."""
    for family in metrics._registry.collect():
        for sample in family.samples:
            if sample.name == name:
                yield sample.labels, sample.value
