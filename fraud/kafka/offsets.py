"""First and end offsets of partitions, and the lag of a consumer group."""

from collections.abc import Iterable
from functools import partial

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from fraud.kafka.clients import READER_GROUP, admin_client, call_broker, consumer_config
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.retry import retry_transient
from fraud.settings import Settings


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


def newest_timestamp(settings: Settings, topic: str) -> int | None:
    """The largest message timestamp (ms) of the topic; None where it is empty.

    Raises:
        RefusedError: a permission is missing.
        UnreachableError: any other failure of Kafka.
    """
    partitions = range(require_topic(settings, topic))
    # The futures of a client that is no longer referenced never end.
    client = admin_client(settings)
    ask = partial(retry_transient, partial(_newest_of, client, topic, partitions))
    newest: int | None = call_broker(settings, ask, doing=f"asking for the newest message of {topic}")
    return newest


def _newest_of(client: AdminClient, topic: str, partitions: Iterable[int]) -> int | None:
    asked = {TopicPartition(topic, number): OffsetSpec.max_timestamp() for number in partitions}
    found = [one.result() for one in client.list_offsets(asked).values()]
    return max((one.timestamp for one in found if one.timestamp >= 0), default=None)


def group_lag(settings: Settings, group_id: str, topic: str) -> int:
    """How many offsets the group has not committed yet, over all partitions of the topic."""
    ends = end_offsets(settings, topic)
    starts = committed_offsets(settings, group_id, topic, range(len(ends)))
    return sum(end - max(low, starts[partition]) for partition, (low, end) in ends.items())


def committed_offsets(
    settings: Settings, group_id: str, topic: str, partitions: Iterable[int]
) -> dict[int, int]:
    """The group's offset in each partition; negative where it has committed none.

    Raises:
        KafkaException: the broker fails.
    """
    consumer = Consumer(consumer_config(settings, group_id))
    try:
        asked = [TopicPartition(topic, partition) for partition in partitions]
        found = consumer.committed(asked, timeout=settings.kafka.request_timeout_s)
    finally:
        consumer.close()
    return {one.partition: one.offset for one in found}
