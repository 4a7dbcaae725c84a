"""The newest alerts, read from `fraud_predictions` as any reader would."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Message, TopicPartition

from fraud.deadline import Deadline
from fraud.kafka.clients import READER_GROUP, consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.messages.decoding import MessageReader
from fraud.schema import Prediction, is_shown
from fraud.settings import Settings

_LOOK_BACK = 2_000
"""Messages of a partition that are looked through for alerts at the start."""
_BATCH = 5_000


class Alerts:
    """Keeps the newest predictions that were not approved, and samples for review, newest first."""

    def __init__(self, consumer: Consumer, most: int) -> None:
        self._consumer = consumer
        self._reader = MessageReader(Prediction)
        self.newest: deque[Prediction] = deque(maxlen=most)

    def follow(self, seconds: float) -> None:
        """Consume what arrives within that time."""
        deadline = Deadline(seconds)
        while (left := deadline.remaining_s) > 0:
            for message in self._consumer.consume(_BATCH, left):
                if message.error() is None:
                    self._take(message)

    def _take(self, message: Message) -> None:
        prediction = self._reader.read(message)
        if prediction is not None and is_shown(prediction):
            self.newest.appendleft(prediction)


@contextmanager
def following(settings: Settings, most: int) -> Iterator[Alerts]:
    """Alerts, from a few thousand messages back.

    Raises:
        UnreachableError: no broker answers, or there is no such topic.
    """
    topic = settings.topics.predictions
    ends = end_offsets(settings, topic)
    consumer = Consumer(consumer_config(settings, READER_GROUP))
    try:
        consumer.assign(
            [TopicPartition(topic, number, max(low, end - _LOOK_BACK)) for number, (low, end) in ends.items()]
        )
        yield Alerts(consumer, most)
    finally:
        consumer.close()
