"""What Kafka knows of a consumer group."""

from functools import partial
from typing import Any

from confluent_kafka import KafkaError

from fraud.kafka.clients import admin_client, call_broker
from fraud.kafka.retry import retry_transient
from fraud.settings import Settings


def describe_group(settings: Settings, group: str) -> Any:
    """The client's description of a group, with what we may do to it; None where there is no such group.

    Raises:
        RefusedError: we may not know.
        UnreachableError: no broker answers.
    """
    admin = admin_client(settings)
    timeout_s = settings.kafka.request_timeout_s

    def describe() -> Any:
        ask = admin.describe_consumer_groups
        return ask([group], include_authorized_operations=True, request_timeout=timeout_s)[group].result()

    return call_broker(
        settings,
        partial(retry_transient, describe),
        unless=KafkaError.GROUP_ID_NOT_FOUND,
        doing=f"looking for the group {group!r}",
    )


def has_members(settings: Settings, group: str) -> bool:
    """Whether anybody is a member of the group; raises what `describe_group` raises."""
    found = describe_group(settings, group)
    return found is not None and bool(found.members)
