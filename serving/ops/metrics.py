"""The metrics of a worker, by part of the engine, in a Prometheus registry of the worker's own."""

import math
import time
from collections import Counter as ValueCounter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from itertools import compress

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fraud.definitions.features import DAY_MS
from fraud.features.availability import profile_days
from fraud.kafka.keys import KEY_KINDS, KeyKind
from fraud.machine.process_metrics import add_process_metrics
from fraud.profiles.moments import due_moments
from fraud.profiles.values import NO_MOMENT
from fraud.registry.bundle import ModelBundle
from serving.delivery.protocol import OutboxBatch
from serving.ops.array_histogram import ArrayHistogram
from serving.ops.decision_metrics import DecisionMetrics, PolicyMetrics

SCORE_BUCKETS = tuple(round(0.05 * step, 2) for step in range(1, 21))
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0)
_RESTORE_BUCKETS = (0.1, 0.5, 1, 5, 10, 30, 60, 300)
_BATCH_BUCKETS = (1, 10, 100, 1_000, 10_000)
_EPOCH = date(1970, 1, 1).toordinal()
_MAX_DAYS_BEHIND = 16
"""More days than the day whose profiles are available can be behind the transaction's."""


class PipelineMetrics:
    """From admission to scores, of the serving loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch_messages = Histogram(
            "fraud_batch_messages", "Messages in a micro-batch", buckets=_BATCH_BUCKETS, registry=registry
        )
        self.stage_seconds = Histogram(
            "fraud_stage_seconds",
            "Duration of each stage of a micro-batch",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.dead_letters = Counter(
            "fraud_dead_letters", "Messages refused and written to the dead letters", registry=registry
        )
        self.repeated = Counter(
            "fraud_repeated_transactions",
            "Transactions dropped because the same one was delivered before",
            registry=registry,
        )
        self.reused_ids = Counter(
            "fraud_reused_ids",
            "Dead letters whose transaction_id belongs to another payment",
            registry=registry,
        )
        self.unknown_amounts = Counter(
            "fraud_unknown_amounts",
            "Transactions scored with an unknown amount because their currency has no rate",
            registry=registry,
        )
        self.keys = Counter(
            "fraud_keys", "Sampled payments by the kind of their key", ["kind"], registry=registry
        )
        self.profiles = Gauge("fraud_profiles", "Merchants with a profile", registry=registry)
        self.profile_use = Counter(
            "fraud_profile_use",
            "Predictions by the age of the merchant's profile on the transaction's day",
            ["age"],
            registry=registry,
        )
        self.scores = ArrayHistogram("fraud_score", "Calibrated scores", SCORE_BUCKETS, registry)
        _start_at_zero(self.keys, KEY_KINDS)
        _start_at_zero(self.profile_use, ("current", "stale", "newer", "none"))

    def count_keys(self, kinds: Mapping[KeyKind, int]) -> None:
        """Count sampled payments by the kind of their key."""
        for kind, count in kinds.items():
            self.keys.labels(kind).inc(count)

    def count_profile_ages(
        self,
        dates: Sequence[str | None],
        timestamps: npt.NDArray[np.int64],
        available_after: timedelta = timedelta(),
    ) -> None:
        """Count transactions by the age of their merchant's profile.

        Args:
            dates: of the profiles, None where the merchant has none.
            timestamps: of the transactions, in ms.
            available_after: how long after midnight a day's profiles are available; before, those of the day
                before are current.
        """
        days, due = timestamps // DAY_MS, profile_days(timestamps, available_after)
        keys = days * _MAX_DAYS_BEHIND + (days - due)
        for key in set(keys.tolist()):
            day, behind = divmod(key, _MAX_DAYS_BEHIND)
            for profile_date, count in ValueCounter(compress(dates, (keys == key).tolist())).items():
                self.profile_use.labels(_profile_age(profile_date, day, day - behind)).inc(count)


class FieldProfileMetrics:
    """Profiles of ids and categories."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.keys = Gauge("fraud_field_profiles", "Keys with a profile", ["field"], registry=registry)
        self.age_seconds = Gauge(
            "fraud_field_profile_age_seconds",
            "Time since the moment of the profiles of ids and categories; NaN while there are none",
            registry=registry,
        )
        self.use = Counter(
            "fraud_field_profile_use",
            "Predictions by whether the profiles of ids and categories were those due at the payment's time",
            ["age"],
            registry=registry,
        )
        self.age_seconds.set(math.nan)
        self._ages = {age: self.use.labels(age) for age in ("current", "stale", "newer", "none")}

    def set_tables(self, sizes: Mapping[str, int], moment_ms: int) -> None:
        """Set the numbers of keys by field, and the age of their profiles; negative: there are none."""
        for field, size in sizes.items():
            self.keys.labels(field).set(size)
        self.age_seconds.set(math.nan if moment_ms < 0 else time.time() - moment_ms / 1_000)

    def count_ages(
        self,
        moments: npt.NDArray[np.int64],
        timestamps: npt.NDArray[np.int64],
        every_ms: int,
        delay: timedelta,
    ) -> None:
        """Count payments by the age of their profiles.

        Args:
            moments: of the profiles, in periods, or `NO_MOMENT`, (n,).
            timestamps: of the payments, ms, (n,).
            every_ms: length of a period.
            delay: how long after the start of a period its profiles are there.
        """
        is_none = moments == NO_MOMENT
        is_stale = (moments < due_moments(timestamps, every_ms, delay)) & ~is_none
        counts = {
            "none": int(np.count_nonzero(is_none)),
            "stale": int(np.count_nonzero(is_stale)),
            "newer": int(np.count_nonzero(moments > timestamps // every_ms)),
        }
        counts["current"] = len(moments) - sum(counts.values())
        for age, count in counts.items():
            if count:
                self._ages[age].inc(count)


class DeliveryMetrics:
    """Commits and what they make visible."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.end_to_end = ArrayHistogram(
            "fraud_end_to_end_seconds",
            "Time from Kafka's timestamp of a message to its committed prediction",
            LATENCY_BUCKETS,
            registry,
        )
        self.commit_seconds = Histogram(
            "fraud_commit_seconds", "Duration of a commit", buckets=LATENCY_BUCKETS, registry=registry
        )
        self.aborts = Counter(
            "fraud_aborted_commits", "Commits that failed and were repeated", registry=registry
        )
        self.producers_replaced = Counter(
            "fraud_producers_replaced", "Producers replaced after a fatal error", registry=registry
        )

    def observe_latency(self, batches: Sequence[OutboxBatch]) -> None:
        """Observe the latency of batches that have just been committed."""
        now_ms = time.time() * 1_000
        for batch in batches:
            self.end_to_end.observe_many((now_ms - batch.kafka_timestamps) / 1_000)


class StateMetrics:
    """The state of the partitions: size, restores, snapshots."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag = Gauge("fraud_lag_messages", "Messages not yet scored", ["partition"], registry=registry)
        self.cards = Gauge("fraud_state_cards", "Cards in the state", ["partition"], registry=registry)
        self.state_bytes = Gauge(
            "fraud_state_bytes", "Memory of the cards' state", ["partition"], registry=registry
        )
        self.used_ratio = Gauge(
            "fraud_state_used_ratio",
            "Messages of the history as a share of those for which a card seen once is remembered",
            ["partition"],
            registry=registry,
        )
        self.forgotten = Counter(
            "fraud_state_forgotten",
            "Cards, and payments of cards with too many, that were forgotten to keep the state bounded",
            ["what"],
            registry=registry,
        )
        self.restorations = Counter(
            "fraud_restorations",
            "Partitions restored, by source of their state",
            ["source"],
            registry=registry,
        )
        self.restore_seconds = Histogram(
            "fraud_restore_seconds",
            "Time until the state of a partition was restored",
            buckets=_RESTORE_BUCKETS,
            registry=registry,
        )
        self.snapshots = Counter("fraud_snapshots", "Snapshots by outcome", ["outcome"], registry=registry)
        _start_at_zero(self.snapshots, ("written", "failed", "refused"))
        _start_at_zero(self.forgotten, ("cards", "payments"))

    def set_partition(self, partition: int, lag: int, cards: int, size: int, used: float) -> None:
        """Set the gauges of an owned partition.

        Args:
            partition: its number.
            lag: messages behind.
            cards: in the state.
            size: of the state, in bytes.
            used: the share of its memory that is used (`PartitionState.used_share`).
        """
        label = str(partition)
        self.lag.labels(label).set(lag)
        self.cards.labels(label).set(cards)
        self.state_bytes.labels(label).set(size)
        self.used_ratio.labels(label).set(used)

    def count_forgotten(self, cards: int, payments: int) -> None:
        """Count what a partition's state has forgotten since the last call."""
        self.forgotten.labels("cards").inc(cards)
        self.forgotten.labels("payments").inc(payments)

    def remove_partition(self, partition: int) -> None:
        """Remove the gauges of a partition that another worker owns now."""
        for gauge in (self.lag, self.cards, self.state_bytes, self.used_ratio):
            gauge.remove_by_labels({"partition": str(partition)})

    def observe_restore(self, source: str, seconds: float) -> None:
        """Count a restored partition."""
        self.restorations.labels(source).inc()
        self.restore_seconds.observe(seconds)


class ModelMetrics:
    """The models that score, and the polls of the registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.model = Gauge(
            "fraud_model_info", "1 for each model that scores", ["name", "version", "role"], registry=registry
        )
        self.model_digest = Gauge(
            "fraud_model_digest_info",
            "1 for each model that scores, with the digest and the run that identify it",
            ["name", "version", "digest", "run", "role"],
            registry=registry,
        )
        self.reloads = Counter("fraud_model_reloads", "Models put into use", registry=registry)
        self.refused = Counter(
            "fraud_models_refused", "Model versions refused because they cannot serve", registry=registry
        )
        self.untrusted = Counter(
            "fraud_models_untrusted",
            "Model versions refused because nobody who has a key promoted them",
            ["role"],
            registry=registry,
        )
        self.untrusted_named = Gauge(
            "fraud_model_untrusted",
            "1 while the alias names a version that is not trusted and another one serves",
            ["role"],
            registry=registry,
        )
        for role in ("champion", "challenger"):
            self.untrusted.labels(role)
            self.untrusted_named.labels(role).set(0)
        self.registry_failures = Counter(
            "fraud_registry_failures", "Failed polls of the model registry", registry=registry
        )

    def set_model(self, bundle: ModelBundle, role: str) -> None:
        """Set the gauges of a model that is put into use."""
        self.model.labels(bundle.metadata.model_name, bundle.version, role).set(1)
        self.model_digest.labels(*_model_labels(bundle), role).set(1)
        self.reloads.inc()

    def remove_model(self, bundle: ModelBundle, role: str) -> None:
        """Remove the gauges of a model; call it before `set_model` of the next one."""
        self.model.remove(bundle.metadata.model_name, bundle.version, role)
        self.model_digest.remove(*_model_labels(bundle), role)


class Metrics:
    """All metrics of a worker; the groups name who sets them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        add_process_metrics(self._registry)
        self.pipeline = PipelineMetrics(self._registry)
        self.delivery = DeliveryMetrics(self._registry)
        self.state = StateMetrics(self._registry)
        self.models = ModelMetrics(self._registry)
        self.decisions = DecisionMetrics(self._registry)
        self.policies = PolicyMetrics(self._registry)
        self.topic_findings = Gauge(
            "fraud_topic_findings",
            "1 for each topic setting that differed at the start from what the system needs",
            ["topic", "setting"],
            registry=self._registry,
        )

    @cached_property
    def field_profiles(self) -> FieldProfileMetrics:
        """Made when first used, so that workers without such profiles expose nothing of them."""
        return FieldProfileMetrics(self._registry)

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format, as `/metrics` returns them."""
        return bytes(generate_latest(self._registry))

    def samples(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """The labels and values of one metric's samples, such as `fraud_predictions_total`."""
        for family in self._registry.collect():
            for sample in family.samples:
                if sample.name == name:
                    yield sample.labels, sample.value


def _start_at_zero(counter: Counter, values: Sequence[str]) -> None:
    """Create a counter's series, since Prometheus sees no increase in a series' first sample."""
    for value in values:
        counter.labels(value)


def _model_labels(bundle: ModelBundle) -> tuple[str, str, str, str]:
    return bundle.metadata.model_name, bundle.version, bundle.digest, bundle.run_id


def _profile_age(profile_date: str | None, day: int, due: int) -> str:
    """How old a profile is on a transaction's day, where that of the day `due` is the newest expected.

    Both days count from 1970-01-01 (UTC).
    """
    if profile_date is None:
        return "none"
    today, oldest = (date.fromordinal(_EPOCH + number).isoformat() for number in (day, due))
    if profile_date < oldest:
        return "stale"
    return "current" if profile_date <= today else "newer"
