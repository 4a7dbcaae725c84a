"""Handing answers to a producer."""

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fraud.messages.dead_letters import Report, send_dead_letter
from fraud.settings import Settings
from serving.delivery.protocol import OutboxBatch

_QUEUE_HEADROOM = 100_000
"""Messages; the producer's queue is never filled beyond this."""

_NO_ROOM_AFTER_S = 5.0
"""A queue that gives no room for so long belongs to a Kafka that is away."""


def send(producer: Any, settings: Settings, answers: OutboxBatch, report: Report | None = None) -> None:
    """Produce the predictions and the dead letters of `answers`.

    Raises:
        KafkaException: the producer does not take them.
    """
    _wait_for_room(producer)
    _send_predictions(producer, settings.topics.predictions, answers.predictions, report)
    for letter in answers.dead_letters:
        send_dead_letter(producer, settings.topics.dead_letters, letter, report)


def _wait_for_room(producer: Any) -> None:
    deadline = time.monotonic() + _NO_ROOM_AFTER_S
    while len(producer) > _QUEUE_HEADROOM:
        producer.poll(0.01)
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))


def _send_predictions(
    producer: Any, topic: str, predictions: list[dict[str, Any]], report: Report | None
) -> None:
    if not predictions or producer.produce_batch(topic, predictions, on_delivery=report) == len(predictions):
        return
    refused = [one for one in predictions if "_error" in one]
    raise KafkaException(refused[0].pop("_error"))
