"""What this client may do on the cluster, asked before it is done."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, TopicCollection
from confluent_kafka.admin import AclOperation

from fraud.errors import MissingTopicError
from fraud.kafka.admin.controller import ask_controller
from fraud.kafka.admin.groups import describe_group
from fraud.kafka.clients import READER_GROUP, call_broker
from fraud.kafka.errors import permission_denied
from fraud.kafka.permissions import Operation
from fraud.settings import Settings

_VERBS: dict[Operation, str] = {
    "read": "reading",
    "write": "writing to",
    "create": "creating",
    "describe": "describing",
    "describe_configs": "describing the configuration of",
}


def require_topic(settings: Settings, topic: str, *operations: Operation) -> int:
    """The number of the partitions of a topic on which we may do `operations`.

    Raises:
        RefusedError: we may not, or may not even know whether there is such a topic.
        MissingTopicError: there is no such topic.
        UnreachableError: no broker answers.
    """
    answers = ask_controller(
        settings,
        lambda admin, limit_s: admin.describe_topics(
            TopicCollection([topic]), include_authorized_operations=True, request_timeout=limit_s
        ),
    )
    found = call_broker(
        settings,
        answers[topic].result,
        unless=KafkaError.UNKNOWN_TOPIC_OR_PART,
        doing=f"looking for the topic {topic!r}",
    )
    if found is None:
        raise MissingTopicError(
            f"Kafka has no topic {topic!r}; run `fraud topics create`{_named_by(settings, topic)}"
        )
    _require_allowed(settings, found.authorized_operations, operations, f"topic {topic!r}")
    return len(found.partitions)


def _named_by(settings: Settings, topic: str) -> str:
    """The setting that names the topic, where it is not the default: the command needs it, too."""
    for name, field in type(settings.topics).model_fields.items():
        if getattr(settings.topics, name) == topic != field.default:
            return f" with the same setting, FRAUD_TOPICS__{name.upper()}={topic}"
    return ""


def require_group(settings: Settings, group: str, *operations: Operation) -> None:
    """See that we may do `operations` to a consumer group, which need not exist yet.

    Raises:
        RefusedError: we may not.
        UnreachableError: no broker answers.
    """
    found = describe_group(settings, group)
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
        # Some clusters do not report what is allowed.
        if allowed and AclOperation[operation.upper()] not in allowed:
            raise permission_denied(settings.kafka, f"{_VERBS[operation]} the {what}")
