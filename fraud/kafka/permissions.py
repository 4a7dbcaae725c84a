"""The least Kafka permissions of each identity, in one table.

An identity is one workload: a Deployment or a Job of the chart, a service of the compose file, a role on AWS.
`fraud acl` applies the table to a cluster, the policies of Amazon MSK are written from it, and the tests hold
every identity to it on a broker that enforces it.
Reading and writing include describing, as in Kafka's own authorizer. An idempotent producer needs no
permission beyond writing (Kafka 3.0 and newer).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from fraud.errors import ConfigurationError
from fraud.kafka.clients import READER_GROUP
from fraud.kafka.topics import topic_plans
from fraud.profiles.messages import profile_topic_prefix
from fraud.settings import Settings

ResourceKind = Literal["topic", "group", "transactional_id"]

Operation = Literal["read", "write", "create", "describe", "describe_configs"]
"""What one may do to a topic or a group; reading and writing include describing, creating does not."""


@dataclass(frozen=True, order=True)
class Permission:
    """One operation on one resource, or with `is_prefix` on all whose names start with `name`."""

    kind: ResourceKind
    name: str
    operation: Operation
    is_prefix: bool = False

    def __str__(self) -> str:
        star = "*" if self.is_prefix else ""
        return f"{self.operation} {self.kind} {self.name}{star}"


def transactional_prefix(settings: Settings) -> str:
    """The prefix of the transactional ids of all serving workers."""
    return f"{settings.serving.transactional_id}-"


def redrive_identity(letters: str) -> str:
    """The consumer group and the transactional id of all redrives of a topic of dead letters."""
    return f"{letters}.redrive"


def webhook_group(settings: Settings, endpoint: str) -> str:
    """The consumer group of a webhook's endpoint; with an empty name the prefix of all."""
    return f"{settings.webhooks.group_prefix}-{endpoint}"


def label_letters_group(settings: Settings) -> str:
    """The group whose committed offsets on the labels say up to where dead letters were sent."""
    return f"{settings.topics.label_dead_letters}.ingest"


def label_letters_prefix(settings: Settings) -> str:
    """The prefix of the transactional ids of all that send labels' dead letters."""
    return f"{label_letters_group(settings)}-"


def _producer(settings: Settings) -> tuple[Permission, ...]:
    topics = settings.topics
    return (
        Permission("topic", topics.transactions, "write"),
        Permission("topic", topics.labels, "write"),
        # Publishing a history that the topic would not keep is refused.
        Permission("topic", topics.transactions, "describe_configs"),
    )


def _replayer(settings: Settings) -> tuple[Permission, ...]:
    """It also reads whether the topic holds newer transactions, which would make those of the file late."""
    return (
        *_producer(settings),
        Permission("topic", settings.topics.labels, "describe_configs"),
        Permission("topic", settings.topics.transactions, "read"),
        _READER,
    )


def _serving(settings: Settings) -> tuple[Permission, ...]:
    topics, serving = settings.topics, settings.serving
    return (
        Permission("topic", topics.transactions, "read"),
        Permission("topic", topics.profiles, "read"),
        *_field_profiles(settings, "read", "describe_configs"),
        Permission("topic", topics.predictions, "write"),
        Permission("topic", topics.dead_letters, "write"),
        # At its start it warns of topic settings that delete what it needs or what it writes.
        *(Permission("topic", topic, "describe_configs") for topic in _served(settings)),
        *_reads_rates(settings),
        *_reads_decisions(settings),
        Permission("group", serving.group_id, "read"),
        Permission("transactional_id", transactional_prefix(settings), "write", is_prefix=True),
    )


def _served(settings: Settings) -> tuple[str, ...]:
    topics = settings.topics
    rates = () if settings.rates_topic is None else (settings.rates_topic,)
    decisions = (topics.policies, topics.lists)
    return (topics.transactions, topics.profiles, topics.predictions, topics.dead_letters, *rates, *decisions)


def _field_profiles(settings: Settings, *operations: Operation) -> tuple[Permission, ...]:
    """Of the topics of all definitions' profiles; nothing unless the definitions have some."""
    if not settings.loaded_definitions.profile_features:
        return ()
    prefix = profile_topic_prefix(settings)
    return tuple(Permission("topic", prefix, operation, is_prefix=True) for operation in operations)


def _reads_rates(settings: Settings) -> tuple[Permission, ...]:
    """Nothing unless the definitions take rates from the topic."""
    topic = settings.rates_topic
    return () if topic is None else (Permission("topic", topic, "read"),)


def _rates(settings: Settings) -> tuple[Permission, ...]:
    """Who publishes rates; it also reads which ones are there."""
    topic = settings.topics.rates
    return (Permission("topic", topic, "read"), Permission("topic", topic, "write"), _READER)


def _reads_decisions(settings: Settings) -> tuple[Permission, ...]:
    topics = settings.topics
    return (Permission("topic", topics.policies, "read"), Permission("topic", topics.lists, "read"))


def _writes_decisions(settings: Settings) -> tuple[Permission, ...]:
    topics = settings.topics
    return (Permission("topic", topics.policies, "write"), Permission("topic", topics.lists, "write"))


def _policies(settings: Settings) -> tuple[Permission, ...]:
    """Who manages policies and lists, or a pipeline that applies them from git.

    A policy is tried on yesterday's predictions before it is proposed.
    """
    tried_on = Permission("topic", settings.topics.predictions, "read")
    return (*_reads_decisions(settings), *_writes_decisions(settings), tried_on, _READER)


def _privacy(settings: Settings) -> tuple[Permission, ...]:
    """Who forgets cards: it takes them off lists and says until when the other topics keep them."""
    topics = settings.topics
    kept = (topics.transactions, topics.predictions, topics.labels, topics.reviews, topics.gateway_events)
    letters = (topics.dead_letters, topics.label_dead_letters, topics.webhook_dead_letters)
    others = (topics.lists, topics.audit)
    return (
        *_reads_decisions(settings),
        Permission("topic", topics.lists, "write"),
        Permission("topic", topics.forgotten, "read"),
        Permission("topic", topics.forgotten, "write"),
        *(Permission("topic", topic, "describe_configs") for topic in (*kept, *letters, *others)),
        _READER,
    )


def _ingest(settings: Settings) -> tuple[Permission, ...]:
    topics = settings.topics
    return (
        Permission("topic", topics.transactions, "read"),
        Permission("topic", topics.labels, "read"),
        Permission("topic", topics.predictions, "read"),
        # What was forgotten is not stored again; what Kafka no longer holds is taken off the topic.
        Permission("topic", topics.forgotten, "read"),
        Permission("topic", topics.forgotten, "write"),
        *_reads_rates(settings),
        _READER,
        Permission("topic", topics.label_dead_letters, "write"),
        Permission("group", label_letters_group(settings), "read"),
        Permission("transactional_id", label_letters_prefix(settings), "write", is_prefix=True),
    )


def _preprocess(settings: Settings) -> tuple[Permission, ...]:
    profiles = settings.topics.profiles
    return (
        Permission("topic", profiles, "read"),
        Permission("topic", profiles, "write"),
        *_field_profiles(settings, "write"),
        _READER,
    )


def _trainer(settings: Settings) -> tuple[Permission, ...]:
    """It compares a candidate with the logged scores of a champion that cannot be loaded."""
    return (Permission("topic", settings.topics.predictions, "read"), _READER)


def _monitor(settings: Settings) -> tuple[Permission, ...]:
    """It compares predictions with labels, and reviews with what the live policy says analysts can do."""
    topics = settings.topics
    read = (topics.predictions, topics.policies)
    return (*(Permission("topic", topic, "read") for topic in read), _READER)


def _dashboard(settings: Settings) -> tuple[Permission, ...]:
    """It shows everything and writes reviews, entries of lists and changes of policies."""
    topics = settings.topics
    shown = (topics.transactions, topics.predictions, topics.profiles, topics.labels)
    return (
        *(Permission("topic", topic, "read") for topic in shown),
        Permission("topic", topics.labels, "write"),
        Permission("topic", topics.reviews, "write"),
        Permission("topic", topics.audit, "write"),
        Permission("topic", topics.forgotten, "read"),
        *_reads_decisions(settings),
        *_writes_decisions(settings),
        _READER,
    )


def _gateway(settings: Settings) -> tuple[Permission, ...]:
    """It sends payments and labels, and reads what became of the payments."""
    topics = settings.topics
    read = (topics.predictions, topics.dead_letters, topics.gateway_events)
    written = (topics.transactions, topics.labels, topics.gateway_events)
    return (
        *(Permission("topic", topic, "read") for topic in read),
        *(Permission("topic", topic, "write") for topic in written),
        _READER,
    )


def _webhooks(settings: Settings) -> tuple[Permission, ...]:
    """It follows the decisions, a consumer group for each endpoint."""
    topics = settings.topics
    return (
        Permission("topic", topics.predictions, "read"),
        Permission("topic", topics.webhook_dead_letters, "write"),
        Permission("group", webhook_group(settings, ""), "read", is_prefix=True),
    )


def _redrive(settings: Settings) -> tuple[Permission, ...]:
    """Of the transactions' dead letters and of the labels'."""
    topics = settings.topics
    return (
        *_redrive_of(topics.dead_letters, topics.transactions),
        *_redrive_of(topics.label_dead_letters, topics.labels),
    )


def _redrive_of(letters: str, topic: str) -> tuple[Permission, ...]:
    identity = redrive_identity(letters)
    return (
        Permission("topic", letters, "read"),
        Permission("topic", letters, "write"),
        Permission("topic", topic, "write"),
        Permission("topic", topic, "describe_configs"),
        Permission("group", identity, "read"),
        Permission("transactional_id", identity, "write"),
    )


def _pipeline(settings: Settings) -> tuple[Permission, ...]:
    """The flow that ingests, preprocesses and trains in one process."""
    return _all_of(settings, _ingest, _preprocess, _trainer)


def _flows(settings: Settings) -> tuple[Permission, ...]:
    """A worker of Prefect whose processes run every flow, as in the compose file."""
    return _all_of(settings, _pipeline, _monitor)


def _all_of(
    settings: Settings, *parts: Callable[[Settings], tuple[Permission, ...]]
) -> tuple[Permission, ...]:
    """What several identities may do, each permission once."""
    return tuple(dict.fromkeys(permission for part in parts for permission in part(settings)))


def _topics(settings: Settings) -> tuple[Permission, ...]:
    """The job that creates the topics that are missing; it reads and writes none of them."""
    operations: tuple[Operation, ...] = ("create", "describe")
    prefix = profile_topic_prefix(settings)
    names = [plan.name for plan in topic_plans(settings) if not plan.name.startswith(prefix)]
    return (
        *(Permission("topic", name, operation) for name in names for operation in operations),
        *_field_profiles(settings, *operations),
    )


def _keda(settings: Settings) -> tuple[Permission, ...]:
    """KEDA, which scales serving by its lag: it compares offsets and reads no message."""
    return (
        Permission("topic", settings.topics.transactions, "describe"),
        Permission("group", settings.serving.group_id, "describe"),
    )


_READER = Permission("group", READER_GROUP, "describe")

IDENTITIES: Mapping[str, Callable[[Settings], tuple[Permission, ...]]] = {
    "producer": _producer,
    "replayer": _replayer,
    "serving": _serving,
    "ingest": _ingest,
    "preprocess": _preprocess,
    "trainer": _trainer,
    "pipeline": _pipeline,
    "flows": _flows,
    "monitor": _monitor,
    "dashboard": _dashboard,
    "redrive": _redrive,
    "rates": _rates,
    "policies": _policies,
    "gateway": _gateway,
    "webhooks": _webhooks,
    "privacy": _privacy,
    "topics": _topics,
    "keda": _keda,
}
"""The identities of our programs. Granting permissions is left to an administrator."""


def permissions_of(settings: Settings, identity: str) -> tuple[Permission, ...]:
    """The least permissions of an identity.

    Raises:
        ConfigurationError: there is no such identity.
    """
    if identity not in IDENTITIES:
        raise ConfigurationError(f"no identity is called {identity!r}; there are {', '.join(IDENTITIES)}")
    return IDENTITIES[identity](settings)
