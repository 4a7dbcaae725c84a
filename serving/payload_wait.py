"""Messages that cannot be decoded yet: their partitions wait until the schema registry answers.

The state and the position of such a partition stay before the message. The consumer goes back to it, and the
partition is paused until a thread has asked the registry, so that polling and the other partitions go on.
"""

import logging
import math
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from fraud.messages.formats.payloads import RETRY_S, JsonPayloads, Payloads

log = logging.getLogger(__name__)

_REMIND_EVERY_S = 30.0
_LONG_S = 10.0
"""A partition that waits for longer is a problem, even if the registry answers."""


@dataclass
class _Wait:
    """A partition's wait: since when, and from when on it is read again, on the monotonic clock."""

    since: float
    resume_at: float = math.inf


class _Answer(NamedTuple):
    partition: int
    is_answered: bool


class SchemaQuestions:
    """Asks for the schemas of waiting partitions' messages in a thread, one partition after another."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads
        self._questions: queue.SimpleQueue[tuple[int, Sequence[bytes | None]] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, partition: int, values: Sequence[bytes | None]) -> None:
        """Ask for the schemas of a partition's messages."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="schemas", daemon=True)
            self._thread.start()
        self._questions.put((partition, values))

    def answers(self) -> list[_Answer]:
        """The partitions that were asked for since the last call, and whether anything was answered."""
        found = []
        while not self._answers.empty():
            found.append(self._answers.get())
        return found

    def stop(self, timeout_s: float) -> None:
        """Ask for nothing more, and wait for an unfinished question."""
        if self._thread is not None:
            self._questions.put(None)
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            partition, values = question
            try:
                count = self._payloads.readable(values)
            except Exception:
                log.exception("asking for schemas failed; trying again")
                count = 0
            self._answers.put(_Answer(partition, count > 0))


class PayloadWait:
    """Holds partitions back; the loop's thread calls all methods but `problem`."""

    def __init__(self, topic: str, consumer: Consumer, payloads: Payloads) -> None:
        self._topic, self._consumer, self._payloads = topic, consumer, payloads
        self._questions = SchemaQuestions(payloads)
        self._waiting: dict[int, _Wait] = {}
        self._warned_at = -_REMIND_EVERY_S

    @property
    def problem(self) -> str:
        """Why partitions wait, a sentence; empty if none does, or only for a moment."""
        waits = [*self._waiting.values()]
        reason = self._payloads.problem
        if not reason and any(time.monotonic() - one.since > _LONG_S for one in waits):
            reason = "the schema registry is asked for many ids of schemas, one after another"
        return f"{len(waits)} partitions wait: {reason}" if waits and reason else ""

    def readable(self, partition: int, messages: Sequence[Any]) -> Sequence[Any]:
        """The first of a partition's messages whose schemas are known; for the others it waits."""
        if isinstance(self._payloads, JsonPayloads):
            return messages
        values = [message.value() for message in messages]
        count = self._payloads.known(values)
        if count == len(messages):
            if self._waiting:
                self._waiting.pop(partition, None)
            return messages
        self._hold_back(partition, int(messages[count].offset()))
        self._questions.ask(partition, values[count:])
        return messages[:count]

    def resume_due(self, ready: Iterable[int]) -> None:
        """Read on in those of the `ready` partitions that have an answer, and forget any other."""
        if not self._waiting:
            return
        now, scored = time.monotonic(), set(ready)
        self._waiting = {one: wait for one, wait in self._waiting.items() if one in scored}
        for answer in self._questions.answers():
            if answer.partition in self._waiting:
                pause_s = 0.0 if answer.is_answered else RETRY_S
                self._waiting[answer.partition].resume_at = now + pause_s
        due = [partition for partition, wait in self._waiting.items() if wait.resume_at <= now]
        for partition in due:
            self._waiting[partition].resume_at = math.inf
        if due:
            self._consumer.resume([TopicPartition(self._topic, partition) for partition in due])

    def stop(self, timeout_s: float) -> None:
        """End the thread that asks."""
        self._questions.stop(timeout_s)

    def _hold_back(self, partition: int, offset: int) -> None:
        self._consumer.pause([TopicPartition(self._topic, partition)])
        self._consumer.seek(TopicPartition(self._topic, partition, offset))
        now, problem = time.monotonic(), self.problem
        # A partition that goes on and waits again has not waited since the first time.
        self._waiting.setdefault(partition, _Wait(now)).resume_at = math.inf
        if problem and now - self._warned_at >= _REMIND_EVERY_S:
            self._warned_at = now
            log.warning("at offset %d of partition %d: %s", offset, partition, problem)
