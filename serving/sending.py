"""Handing answers to a producer."""

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fraud.admission import TRUNCATED
from fraud.settings import Settings
from serving.delivery import Answers, DeadLetter

_QUEUE_HEADROOM = 100_000
"""Messages; the producer's queue is never filled beyond this."""

_TRUNCATED_TO = 65_536


def send(producer: Any, settings: Settings, answers: Answers) -> None:
    """Produce the predictions and the dead letters of `answers`.

    Raises:
        KafkaException: the producer does not take them.
    """
    _wait_for_room(producer)
    _send_predictions(producer, settings.topics.predictions, answers.predictions)
    for letter in answers.dead_letters:
        _send_dead_letter(producer, settings.topics.dead_letters, letter)


def _wait_for_room(producer: Any) -> None:
    while len(producer) > _QUEUE_HEADROOM:
        producer.poll(0.01)


def _send_predictions(producer: Any, topic: str, predictions: list[dict[str, Any]]) -> None:
    if not predictions or producer.produce_batch(topic, predictions) == len(predictions):
        return
    refused = [one for one in predictions if "_error" in one]
    raise KafkaException(refused[0].pop("_error"))


def _send_dead_letter(producer: Any, topic: str, letter: DeadLetter) -> None:
    # Redrive cuts off what was added, so it comes last.
    headers = letter.original + letter.told
    try:
        producer.produce(topic, key=letter.key, value=letter.value, headers=headers)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
            raise
        producer.produce(
            topic,
            key=letter.key,
            value=(letter.value or b"")[:_TRUNCATED_TO],
            headers=[*letter.told, (TRUNCATED, b"true")],
        )


def wait_until_sent(producer: Any, timeout_s: float) -> bool:
    """Whether everything produced was acknowledged in time."""
    deadline = time.monotonic() + timeout_s
    while producer.flush(max(0.0, deadline - time.monotonic())):
        if time.monotonic() >= deadline:
            return False
    return True
