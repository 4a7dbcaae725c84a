"""Produce the predictions and dead letters of an outbox batch."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fraud.deadline import Deadline
from fraud.messages.dead_letters import Report, send_dead_letter
from fraud.settings import Settings
from serving.delivery.protocol import OutboxBatch

_MAX_QUEUED = 100_000
"""Messages; the producer's queue is not filled beyond this."""

_QUEUE_FULL_AFTER_S = 5.0
"""Kafka counts as unreachable when the queue has stayed full for so long."""


def produce_outbox_batch(
    producer: Any, settings: Settings, batch: OutboxBatch, on_delivery: Report | None = None
) -> None:
    """Produce the predictions and the dead letters of `batch`.

    Raises:
        KafkaException: the producer does not take them.
    """
    _wait_for_space(producer)
    _produce_predictions(producer, settings.topics.predictions, batch.predictions, on_delivery)
    for letter in batch.dead_letters:
        send_dead_letter(producer, settings.topics.dead_letters, letter, on_delivery)


def _wait_for_space(producer: Any) -> None:
    if len(producer) <= _MAX_QUEUED:
        return
    deadline = Deadline(_QUEUE_FULL_AFTER_S)
    while len(producer) > _MAX_QUEUED:
        producer.poll(0.01)
        if deadline.is_over:
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))


def _produce_predictions(
    producer: Any, topic: str, predictions: list[dict[str, Any]], on_delivery: Report | None
) -> None:
    if not predictions:
        return
    if producer.produce_batch(topic, predictions, on_delivery=on_delivery) == len(predictions):
        return
    refused = [prediction for prediction in predictions if "_error" in prediction]
    raise KafkaException(refused[0].pop("_error"))
