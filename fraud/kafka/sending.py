"""A few messages, sent at once and acknowledged, with the place that Kafka gave them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, Message, Producer

from fraud.errors import UnreachableError
from fraud.kafka.clients import flush, producer_config
from fraud.settings import Settings

_FLUSH_S = 60.0
_FULL_QUEUE_S = 0.5


@dataclass(frozen=True)
class Record:
    """A message to send; without a value it removes its key from a compacted topic."""

    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


def send_records(settings: Settings, topic: str, records: Iterable[Record]) -> int:
    """Send records, in their order, to a topic of one partition; returns the offset after the last one.

    Raises:
        UnreachableError: some of them were not acknowledged.
    """
    # What fails is raised; a coordinator that still loads is nothing to print on a terminal.
    producer = Producer(producer_config(settings) | {"log_level": 2})
    failures: list[KafkaError] = []
    end = 0

    def delivered(error: KafkaError | None, message: Message) -> None:
        nonlocal end
        if error is not None:
            failures.append(error)
        else:
            end = max(end, (message.offset() or 0) + 1)

    for record in records:
        headers = [(name, text.encode()) for name, text in record.headers.items()]
        sent = False
        while not sent:
            try:
                producer.produce(topic, record.value, record.key, headers=headers, on_delivery=delivered)
                sent = True
            except BufferError:
                producer.poll(_FULL_QUEUE_S)
        producer.poll(0)
    flush(producer, _FLUSH_S)
    if failures:
        raise UnreachableError(f"{len(failures)} messages did not reach {topic!r}: {failures[0].str()}")
    return end
