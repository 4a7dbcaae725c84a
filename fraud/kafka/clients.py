"""Kafka: client configurations, topics, and errors that a user can act on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AclOperation, AdminClient, ConfigResource, NewTopic, ResourceType

from fraud.errors import UnreachableError
from fraud.kafka.errors import connect, permission_denied, permission_error
from fraud.kafka.retry import is_transient, retry_call
from fraud.settings import Settings

DAY_MS = 86_400_000
CLOCK_AHEAD_MS = 3_600_000
"""How far ahead of a broker's clock a message may be in a topic that we create; Kafka's default since 4.0."""
_REFUSED_SETTING = (KafkaError.INVALID_CONFIG, KafkaError.POLICY_VIOLATION, KafkaError.INVALID_REQUEST)

READER_GROUP = "fraud-readers"
"""The group of consumers that neither join nor commit; librdkafka looks for its coordinator all the same."""

Operation = Literal["read", "write", "describe", "describe_configs"]
"""What one may do to a topic or a group; reading and writing include describing."""

_VERBS: dict[Operation, str] = {
    "read": "reading",
    "write": "writing to",
    "describe": "describing",
    "describe_configs": "describing the configuration of",
}

_Result = TypeVar("_Result")


def client_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """What every librdkafka client needs to connect, plus `extra`."""
    kafka = settings.kafka
    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
        "socket.keepalive.enable": True,
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": kafka.sasl_password and kafka.sasl_password.get_secret_value(),
        "ssl.ca.location": _text(kafka.ssl_ca_location),
        "ssl.certificate.location": _text(kafka.ssl_certificate_location),
        "ssl.key.location": _text(kafka.ssl_key_location),
    }
    return {key: value for key, value in config.items() if value is not None} | extra


def producer_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """An idempotent producer that waits for all replicas and batches well.

    The partitioner is Java's, so that clients in other languages put a card where we put it.
    """
    defaults: dict[str, Any] = {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        "queue.buffering.max.messages": 500_000,
    }
    return client_config(settings, **(defaults | extra))


def consumer_config(settings: Settings, group_id: str, **extra: Any) -> dict[str, Any]:
    """A consumer that sees committed records only and never commits by itself."""
    defaults: dict[str, Any] = {
        "group.id": group_id,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": False,
        # The default of one second shows as gaps of one second when the queue was full.
        "fetch.queue.backoff.ms": 10,
    }
    return client_config(settings, **(defaults | extra))


def admin_client(settings: Settings) -> AdminClient:
    """A client for topics that has reached a broker; it is silent, for what goes wrong is raised.

    Raises:
        RefusedError: the broker does not let us in.
        UnreachableError: no broker answers.
    """
    return connect(settings.kafka, client_config(settings))


@dataclass(frozen=True)
class TopicPlan:
    """A topic as it should be."""

    name: str
    config: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    """What a cluster may not know or allow; `message.timestamp.after.max.ms` came with Kafka 3.6."""


@dataclass(frozen=True)
class TopicLayout:
    """How many partitions a topic has, and how many replicas at least."""

    partitions: int
    replicas: int


def topic_plans(settings: Settings) -> list[TopicPlan]:
    """Every topic of the system with its configuration."""
    topics, days = settings.topics, settings.kafka.retention_days
    retention = {"retention.ms": str(days * DAY_MS if days >= 0 else -1)}
    kept = {"retention.ms": "-1"}
    # A broker's own defaults may be against what the topics are for.
    durable = {"min.insync.replicas": "2"} if settings.kafka.replication_factor > 2 else {}
    by_time = durable | {"cleanup.policy": "delete", "retention.bytes": "-1"}
    skew_ms = int(settings.admission.clock_skew.total_seconds() * 1_000)
    event_time = by_time | {
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": str(max(CLOCK_AHEAD_MS, skew_ms)),
    }
    return [
        TopicPlan(topics.transactions, retention, event_time),
        TopicPlan(topics.labels, kept, event_time),
        TopicPlan(topics.predictions, retention, by_time),
        TopicPlan(topics.profiles, {"cleanup.policy": "compact"}, durable),
        TopicPlan(topics.dead_letters, kept, by_time),
        TopicPlan(topics.label_dead_letters, kept, by_time),
    ]


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; returns their names.

    Raises:
        UnreachableError: no broker answers, or it refuses.
    """
    admin = admin_client(settings)
    existing = existing_topics(settings)
    missing = [plan for plan in topic_plans(settings) if plan.name not in existing]
    make_topics(settings, admin, missing)
    _wait_until_known(settings, {plan.name for plan in missing})
    return [plan.name for plan in missing]


def make_topics(settings: Settings, admin: AdminClient, plans: Sequence[TopicPlan]) -> None:
    """Create topics, without what is optional where the cluster does not know it.

    Raises:
        UnreachableError: a broker refuses.
    """
    while plans:
        begun = _begin_creation(settings, admin, plans)
        tried = [_created_or_smaller(settings, plan, future) for plan, future in begun]
        plans = [plan for plan in tried if plan is not None]


def _begin_creation(
    settings: Settings, admin: AdminClient, plans: Sequence[TopicPlan]
) -> list[tuple[TopicPlan, Any]]:
    kafka = settings.kafka
    wanted = [
        NewTopic(plan.name, kafka.partitions, kafka.replication_factor, config=plan.config | plan.optional)
        for plan in plans
    ]
    futures = admin.create_topics(wanted)
    return [(plan, futures[plan.name]) for plan in plans]


def _created_or_smaller(settings: Settings, plan: TopicPlan, future: Any) -> TopicPlan | None:
    """None when the topic is there, else the plan without those optional settings that are refused."""
    error = future.exception()
    is_refused = isinstance(error, KafkaException) and error.args[0].code() in _REFUSED_SETTING
    if not (is_refused and plan.optional):
        _require_created(settings, plan, future)
        return None
    named = {name for name in plan.optional if name in error.args[0].str()} or plan.optional.keys()
    return replace(plan, optional={name: plan.optional[name] for name in plan.optional.keys() - named})


def _require_created(settings: Settings, plan: TopicPlan, future: Any) -> None:
    exists = KafkaError.TOPIC_ALREADY_EXISTS
    _guard(settings, future.result, unless=exists, doing=f"creating {plan.name}")


def _wait_until_known(settings: Settings, topics: set[str]) -> None:
    """A broker hears of a topic a moment after the controller has made it."""
    deadline = time.monotonic() + settings.kafka.request_timeout_s
    while not topics <= existing_topics(settings).keys():
        if time.monotonic() > deadline:
            raise UnreachableError(f"Kafka made {', '.join(sorted(topics))} but does not show it; try again")
        time.sleep(0.05)


def existing_topics(settings: Settings) -> dict[str, int]:
    """The cluster's topics and how many partitions each has.

    Raises:
        UnreachableError: no broker answers, or it refuses.
    """
    return {name: layout.partitions for name, layout in topic_layouts(settings).items()}


def topic_layouts(settings: Settings) -> dict[str, TopicLayout]:
    """The layout of every topic of the cluster that we may know of.

    Raises:
        UnreachableError: no broker answers, or it refuses.
    """
    admin = admin_client(settings)
    metadata = _guard(
        settings, lambda: admin.list_topics(timeout=settings.kafka.request_timeout_s), doing="listing topics"
    )
    return {
        name: TopicLayout(
            len(topic.partitions), min((len(one.replicas) for one in topic.partitions.values()), default=0)
        )
        for name, topic in metadata.topics.items()
    }


def require_topic(settings: Settings, topic: str, *operations: Operation) -> int:
    """The number of the partitions of a topic on which we may do `operations`.

    Raises:
        RefusedError: we may not, or may not even know whether there is such a topic.
        UnreachableError: there is no such topic, or no broker.
    """
    admin = admin_client(settings)
    future = admin.describe_topics(
        TopicCollection([topic]),
        include_authorized_operations=True,
        request_timeout=settings.kafka.request_timeout_s,
    )[topic]
    found = _guard(
        settings,
        future.result,
        unless=KafkaError.UNKNOWN_TOPIC_OR_PART,
        doing=f"looking for the topic {topic!r}",
    )
    if found is None:
        raise UnreachableError(f"Kafka has no topic {topic!r}; run `fraud topics create`")
    _require_allowed(settings, found.authorized_operations, operations, f"topic {topic!r}")
    return len(found.partitions)


def require_group(settings: Settings, group: str, *operations: Operation) -> None:
    """See that we may do `operations` to a consumer group, which need not exist yet.

    Raises:
        RefusedError: we may not.
        UnreachableError: no broker answers.
    """
    admin = admin_client(settings)
    timeout_s = settings.kafka.request_timeout_s

    def describe() -> Any:
        ask = admin.describe_consumer_groups
        return ask([group], include_authorized_operations=True, request_timeout=timeout_s)[group].result()

    found = _guard(
        settings,
        partial(retry_transient, describe),
        unless=KafkaError.GROUP_ID_NOT_FOUND,
        doing=f"looking for the group {group!r}",
    )
    if found is not None:
        _require_allowed(settings, found.authorized_operations, operations, f"group {group!r}")


def require_readable(settings: Settings, topic: str) -> int:
    """The number of the partitions of a topic that we may read without joining a group.

    Raises:
        RefusedError: we may not.
        UnreachableError: there is no such topic, or no broker.
    """
    require_group(settings, READER_GROUP, "describe")
    return require_topic(settings, topic, "read")


def _require_allowed(
    settings: Settings, allowed: Sequence[AclOperation] | None, needed: Sequence[Operation], what: str
) -> None:
    for operation in needed:
        # Some clusters do not tell what is allowed.
        if allowed and AclOperation[operation.upper()] not in allowed:
            raise permission_denied(settings.kafka, f"{_VERBS[operation]} the {what}")


def topic_config(settings: Settings, topic: str) -> dict[str, str]:
    """The configuration of an existing topic, as the broker gives it."""
    return topic_configs(settings, [topic])[topic]


def topic_configs(settings: Settings, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """The configurations of existing topics, as the broker gives them.

    Raises:
        RefusedError: we may not describe one of them.
        UnreachableError: no broker answers, or there is no such topic.
    """
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    admin = admin_client(settings)  # lives until the answer is there, or there is none
    timeout_s = settings.kafka.request_timeout_s
    futures = admin.describe_configs(resources, request_timeout=timeout_s) if resources else {}
    found = {}
    for resource, future in futures.items():
        doing = f"describing the configuration of {resource.name}"
        entries = _guard(settings, future.result, doing=doing)
        found[resource.name] = {name: entry.value for name, entry in entries.items()}
    return found


def end_offsets(settings: Settings, topic: str) -> dict[int, tuple[int, int]]:
    """First and next offset of each partition, as a read_committed reader sees them."""
    partitions = require_topic(settings, topic)
    timeout = settings.kafka.request_timeout_s
    consumer = Consumer(consumer_config(settings, READER_GROUP))
    try:
        return {
            partition: retry_transient(
                partial(consumer.get_watermark_offsets, TopicPartition(topic, partition), timeout)
            )
            for partition in range(partitions)
        }
    finally:
        consumer.close()


def group_lag(settings: Settings, group_id: str, topic: str) -> int:
    """How many offsets the group has not committed yet, over all partitions of the topic."""
    ends = end_offsets(settings, topic)
    consumer = Consumer(consumer_config(settings, group_id))
    try:
        asked = [TopicPartition(topic, partition) for partition in ends]
        committed = consumer.committed(asked, timeout=settings.kafka.request_timeout_s)
    finally:
        consumer.close()
    starts = {one.partition: one.offset for one in committed}
    return sum(end - max(low, starts[partition]) for partition, (low, end) in ends.items())


def retry_transient(call: Callable[[], _Result], patience_s: float = 60.0) -> _Result:
    """Call until the cluster has settled: a new topic has no leader yet, a coordinator is still loading.

    Raises:
        KafkaException: another failure, or it takes longer than `patience_s`.
    """
    return retry_call(call, is_transient, timeout_s=patience_s)


def flush(producer: Producer, timeout_s: float) -> None:
    """Wait until everything produced is acknowledged.

    Raises:
        UnreachableError: some of it was not in time.
    """
    left = producer.flush(timeout_s)
    if left:
        raise UnreachableError(
            f"{left} messages were not acknowledged within {timeout_s:.0f} s; is Kafka up?"
        )


def _guard(settings: Settings, call: Callable[[], Any], *, doing: str, unless: int | None = None) -> Any:
    try:
        return call()
    except KafkaException as error:
        fault = error.args[0]
        if unless is not None and fault.code() == unless:
            return None
        refused = permission_error(settings.kafka, fault, doing)
        if refused is not None:
            raise refused from error
        raise UnreachableError(
            f"Kafka at {settings.kafka.bootstrap_servers} failed at {doing}: {fault.str()}; "
            "check FRAUD_KAFKA__* or start the embedded stack with `fraud up`"
        ) from error


def _text(path: object) -> str | None:
    return None if path is None else str(path)
