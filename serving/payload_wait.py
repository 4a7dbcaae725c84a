"""Messages that cannot be decoded yet: their partitions wait until the schema registry answers.

The state and the position of such a partition stay before the message. The consumer goes back to it, and the
partition is paused for a second, so that polling goes on and no batch is read in vain all the time.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from fraud.messages.formats.payloads import RETRY_S, JsonPayloads, Payloads

log = logging.getLogger(__name__)

_REMIND_EVERY_S = 30.0


class PayloadWait:
    """Holds partitions back; the loop's thread calls all methods but `problem`."""

    def __init__(self, topic: str, consumer: Consumer, payloads: Payloads) -> None:
        self._topic, self._consumer, self._payloads = topic, consumer, payloads
        self._waiting: dict[int, float] = {}
        self._warned_at = -_REMIND_EVERY_S

    @property
    def problem(self) -> str:
        """Why partitions wait, a sentence; empty if none does."""
        number = len(self._waiting)
        return f"{number} partitions wait: {self._payloads.problem}" if number else ""

    def readable(self, partition: int, messages: Sequence[Any]) -> Sequence[Any]:
        """The first of a partition's messages that can be decoded now; for the others it waits."""
        if isinstance(self._payloads, JsonPayloads):
            return messages
        count = self._payloads.readable([message.value() for message in messages])
        if count < len(messages):
            self._hold_back(partition, int(messages[count].offset()))
        elif self._waiting:
            self._waiting.pop(partition, None)
        return messages[:count] if count < len(messages) else messages

    def resume_due(self, ready: Iterable[int]) -> None:
        """Read on in those of the `ready` partitions that have waited long enough, and forget any other."""
        if not self._waiting:
            return
        now, scored = time.monotonic(), set(ready)
        self._waiting = {one: until for one, until in self._waiting.items() if one in scored}
        due = [partition for partition, until in self._waiting.items() if until <= now]
        for partition in due:
            self._waiting[partition] = now + RETRY_S
        if due:
            self._consumer.resume([TopicPartition(self._topic, partition) for partition in due])

    def _hold_back(self, partition: int, offset: int) -> None:
        self._consumer.pause([TopicPartition(self._topic, partition)])
        self._consumer.seek(TopicPartition(self._topic, partition, offset))
        self._waiting[partition] = time.monotonic() + RETRY_S
        if time.monotonic() - self._warned_at >= _REMIND_EVERY_S:
            self._warned_at = time.monotonic()
            log.warning("partition %d waits at offset %d: %s", partition, offset, self._payloads.problem)
