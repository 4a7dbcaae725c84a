"""Produce the predictions and dead letters of an outbox batch."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fraud.deadline import Deadline
from fraud.messages.dead_letters import DeadLetter, Report, send_dead_letter
from fraud.settings import Settings
from serving.delivery.protocol import OutboxBatch

log = logging.getLogger(__name__)

_MAX_QUEUED = 100_000
"""Messages; the producer's queue is not filled beyond this."""

_QUEUE_FULL_AFTER_S = 5.0
"""Kafka counts as unreachable when the queue has stayed full for so long."""


_FIRST_LIMIT, _LAST_LIMIT = 262_144, 2_048
"""Bytes of a batch of dead letters, after the first refusal and at last."""


class DeadLetterSender:
    """Sends dead letters to a topic that may take less than the producer lets through.

    The broker says so only in the delivery report, about a whole batch of letters; then the transaction is
    aborted and sent again. Each time the limit of a batch is halved, and a letter that is larger than half of
    it is truncated, so that no message can stop the scoring.
    """

    def __init__(self) -> None:
        self._limit: int | None = None
        self._is_refused = False
        self._waiting = 0

    def send(self, producer: Any, topic: str, letters: Sequence[DeadLetter], report: Report | None) -> None:
        """Produce the letters.

        Raises:
            KafkaException: the producer does not take them.
        """
        if self._is_refused:
            self._lower_limit(topic)
        on_delivery = partial(self._on_delivery, report)
        for letter in letters:
            fitting = letter if self._limit is None else self._fit(producer, letter, self._limit)
            send_dead_letter(producer, topic, fitting, on_delivery)

    def _on_delivery(self, report: Report | None, error: Any, message: Any) -> None:
        if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._is_refused = True
        if report is not None:
            report(error, message)

    def _lower_limit(self, topic: str) -> None:
        self._is_refused, self._waiting = False, 0
        self._limit = max(_LAST_LIMIT, self._limit // 2) if self._limit else _FIRST_LIMIT
        log.warning(
            "Kafka refuses dead letters as too large; %s now gets %d bytes at once, and larger messages "
            "truncated; raise its max.message.bytes and restart the workers",
            topic, self._limit,
        )  # fmt: skip

    def _fit(self, producer: Any, letter: DeadLetter, limit: int) -> DeadLetter:
        """The letter as it may be sent, in a batch of its own if the one before it would grow too large."""
        if letter.size > limit // 2:
            letter = letter.truncated(limit // 4 if limit > _LAST_LIMIT else 0)
        if self._waiting + letter.size > limit:
            # What the producer has not sent yet would go into one batch with it.
            if producer.flush(_QUEUE_FULL_AFTER_S):
                raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))
            self._waiting = 0
        self._waiting += letter.size
        return letter


def produce_outbox_batch(
    producer: Any,
    settings: Settings,
    batch: OutboxBatch,
    letters: DeadLetterSender,
    on_delivery: Report | None = None,
) -> None:
    """Produce the predictions and, by `letters`, the dead letters of `batch`.

    Raises:
        KafkaException: the producer does not take them.
    """
    _wait_for_space(producer)
    _produce_predictions(producer, settings.topics.predictions, batch.predictions, on_delivery)
    letters.send(producer, settings.topics.dead_letters, batch.dead_letters, on_delivery)


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
