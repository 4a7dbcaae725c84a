"""Topics: what each should be, creating them, and what the cluster says of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from fraud.deadline import Deadline
from fraud.definitions.features import DAY_MS
from fraud.errors import UnreachableError
from fraud.kafka.admin.controller import ask_controller
from fraud.kafka.clients import admin_client, call_broker
from fraud.profiles.messages import profile_topic
from fraud.settings import Settings

CLOCK_AHEAD_MS = 3_600_000
"""How far ahead of a broker's clock a message may be in a topic that we create; Kafka's default since 4.0."""
_COMPACTION_LAG_MS = 3_600_000
LIST_HISTORY_MS = 90 * DAY_MS
"""For so long the lists of a past decision can be read again: nothing newer is compacted away."""
_REFUSED_SETTING = (KafkaError.INVALID_CONFIG, KafkaError.POLICY_VIOLATION, KafkaError.INVALID_REQUEST)


@dataclass(frozen=True)
class TopicPlan:
    """A topic as it should be."""

    name: str
    config: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    """Settings that a cluster may not know or allow; `message.timestamp.after.max.ms` came with Kafka 3.6."""
    partitions: int = 0
    """0: as the settings say."""


@dataclass(frozen=True)
class TopicLayout:
    """How many partitions a topic has, and how many replicas at least."""

    partitions: int
    replicas: int


def topic_plans(settings: Settings) -> list[TopicPlan]:
    """Every topic of the system with its configuration."""
    topics, kafka = settings.topics, settings.kafka
    retention, kept = _retention(kafka.retention_days), _retention(-1)
    letters = _retention(kafka.letter_retention_days)
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
        TopicPlan(topics.labels, _retention(kafka.label_retention_days), event_time),
        TopicPlan(topics.predictions, retention, by_time),
        TopicPlan(topics.profiles, {"cleanup.policy": "compact"}, durable),
        *_field_profiles(settings, durable),
        TopicPlan(topics.dead_letters, letters, by_time),
        TopicPlan(topics.label_dead_letters, letters, by_time),
        TopicPlan(topics.reviews, retention, by_time),
        TopicPlan(topics.audit, _retention(settings.retention.audit_days), by_time),
        TopicPlan(topics.gateway_events, retention, by_time),
        TopicPlan(topics.webhook_dead_letters, letters, by_time),
        *([_rates_plan(settings, durable)] if settings.rates_topic else []),
        TopicPlan(topics.policies, kept, by_time, partitions=1),
        _lists_plan(settings, durable),
        TopicPlan(topics.forgotten, {"cleanup.policy": "compact"}, durable, partitions=1),
    ]


def _retention(days: int) -> dict[str, str]:
    return {"retention.ms": str(days * DAY_MS if days >= 0 else -1)}


def _lists_plan(settings: Settings, durable: dict[str, str]) -> TopicPlan:
    # One partition: its offsets are what a prediction records as the lists' position.
    history = {
        "min.compaction.lag.ms": str(LIST_HISTORY_MS),
        "delete.retention.ms": str(LIST_HISTORY_MS),
    }
    compact = {"cleanup.policy": "compact"}
    return TopicPlan(settings.topics.lists, compact, durable | history, partitions=1)


def _rates_plan(settings: Settings, durable: dict[str, str]) -> TopicPlan:
    # One partition: whichever client corrects a rate, the correction comes after it.
    return TopicPlan(settings.topics.rates, {"cleanup.policy": "compact"}, durable, partitions=1)


def _field_profiles(settings: Settings, durable: dict[str, str]) -> list[TopicPlan]:
    """The topic of the profiles of ids and categories, if the definitions have some."""
    if not settings.loaded_definitions.profile_features:
        return []
    # While a run is being published, a new worker must still find the rows of the one before.
    kept = {"min.compaction.lag.ms": str(_COMPACTION_LAG_MS)}
    return [TopicPlan(profile_topic(settings), {"cleanup.policy": "compact"}, durable | kept)]


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; returns their names.

    Raises:
        UnreachableError: no broker answers, or it refuses.
    """
    existing = existing_topics(settings)
    missing = [plan for plan in topic_plans(settings) if plan.name not in existing]
    make_topics(settings, missing)
    _wait_until_known(settings, {plan.name for plan in missing})
    return [plan.name for plan in missing]


def make_topics(settings: Settings, plans: Sequence[TopicPlan]) -> None:
    """Create topics, without what is optional where the cluster does not know it.

    Raises:
        UnreachableError: a broker refuses.
    """
    while plans:
        answers = _ask_for(settings, plans)
        tried = [_created_or_reduced(settings, plan, answers[plan.name]) for plan in plans]
        plans = [plan for plan in tried if plan is not None]


def _ask_for(settings: Settings, plans: Sequence[TopicPlan]) -> Mapping[str, Any]:
    kafka = settings.kafka
    wanted = [
        NewTopic(
            plan.name,
            plan.partitions or kafka.partitions,
            kafka.replication_factor,
            config=plan.config | plan.optional,
        )
        for plan in plans
    ]
    return ask_controller(
        settings, lambda admin, limit_s: admin.create_topics(wanted, request_timeout=limit_s)
    )


def _created_or_reduced(settings: Settings, plan: TopicPlan, future: Any) -> TopicPlan | None:
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
    call_broker(settings, future.result, unless=exists, doing=f"creating {plan.name}")


def _wait_until_known(settings: Settings, topics: set[str]) -> None:
    """A broker knows a topic a moment after the controller has created it."""
    deadline = Deadline(settings.kafka.request_timeout_s)
    while not topics <= existing_topics(settings).keys():
        if deadline.is_over:
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
    metadata = call_broker(
        settings, lambda: admin.list_topics(timeout=settings.kafka.request_timeout_s), doing="listing topics"
    )
    return {
        name: TopicLayout(
            len(topic.partitions), min((len(one.replicas) for one in topic.partitions.values()), default=0)
        )
        for name, topic in metadata.topics.items()
    }


def topic_config(settings: Settings, topic: str) -> dict[str, str]:
    """The configuration of an existing topic, as the broker gives it."""
    return topic_configs(settings, [topic])[topic]


def topic_configs(
    settings: Settings, topics: Sequence[str], *, may_be_missing: bool = False
) -> dict[str, dict[str, str]]:
    """The configurations of topics, as the broker gives them; with `may_be_missing` of those that exist.

    Raises:
        RefusedError: we may not describe one of them.
        UnreachableError: no broker answers, or there is no such topic.
    """
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    answers = ask_controller(
        settings,
        lambda admin, limit_s: (
            admin.describe_configs(resources, request_timeout=limit_s) if resources else {}
        ),
    )
    found = {}
    for resource, future in answers.items():
        doing = f"describing the configuration of {resource.name}"
        unless = KafkaError.UNKNOWN_TOPIC_OR_PART if may_be_missing else None
        entries = call_broker(settings, future.result, doing=doing, unless=unless)
        if entries is None:
            continue
        found[resource.name] = {name: entry.value for name, entry in entries.items()}
    return found


def topic_id(settings: Settings, topic: str) -> str:
    """Differs from that of a topic of the same name that was deleted.

    Raises:
        RefusedError: we may not describe it.
        UnreachableError: no broker answers, or there is no such topic.
    """
    answers = ask_controller(
        settings,
        lambda admin, limit_s: admin.describe_topics(TopicCollection([topic]), request_timeout=limit_s),
    )
    return str(
        call_broker(settings, answers[topic].result, doing=f"looking for the topic {topic!r}").topic_id
    )
