"""Reads topics from some minutes ago on, without a consumer group, on a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud.errors import UnreachableError
from fraud.kafka.clients import READER_GROUP, consumer_config
from fraud.settings import Settings

log = logging.getLogger(__name__)

Isolation = Literal["read_committed", "read_uncommitted"]
TakeMessages = Callable[[list[Message], bool], None]
"""Called on the reader's thread with messages of one topic, and whether they are of before its start."""

_BATCH = 5_000
_WAIT_S = 0.2
_RETRY_S = 1.0


class LogReader:
    """Reads whole topics for handlers by topic; after an error of Kafka's it starts again.

    A topic that does not exist is left out, as in installations made before there was such a topic. Kafka
    answers a fetch as soon as there is a message.
    """

    def __init__(
        self, settings: Settings, isolation: Isolation, handlers: Mapping[str, TakeMessages]
    ) -> None:
        self._settings, self._handlers = settings, dict(handlers)
        self._config = consumer_config(
            settings,
            READER_GROUP,
            **{"isolation.level": isolation, "enable.partition.eof": True, "log_level": 2},
        )
        self._stop, self._again = threading.Event(), threading.Event()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway-reader", daemon=True)
        self.partitions: dict[str, int] = {}

    @property
    def is_caught_up(self) -> bool:
        """Whether everything of before the start is read."""
        return self._caught_up.is_set()

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def read_again(self) -> None:
        """Start again, as when a topic has got more partitions."""
        self._again.set()

    def stop(self, timeout_s: float) -> None:
        """Stop the thread; one that waits longer for a silent Kafka ends with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (KafkaException, UnreachableError) as error:
                log.warning("reading %s failed (%s); trying again", ", ".join(self._handlers), error)
            except Exception:
                # Without this thread every answer would be the fallback.
                log.exception("reading %s failed; trying again", ", ".join(self._handlers))
            self._stop.wait(_RETRY_S)

    def _read(self) -> None:
        self._again.clear()
        consumer = Consumer(self._config)
        try:
            starts = self._start_positions(consumer)
            consumer.assign(starts)
            unfinished = {(one.topic, one.partition) for one in starts}
            while not (self._stop.is_set() or self._again.is_set()):
                # A call for more than one waits until it has them all, or its time is over.
                messages = consumer.consume(1, _WAIT_S)
                if messages:
                    unfinished -= self._take(messages + consumer.consume(_BATCH, 0), bool(unfinished))
                    if not unfinished:
                        self._caught_up.set()
        finally:
            consumer.close()

    def _take(self, messages: Sequence[Message], is_past: bool) -> set[tuple[str, int]]:
        """Hand messages over; returns the partitions whose end is reached."""
        finished: set[tuple[str, int]] = set()
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            error = message.error()
            if error is None:
                by_topic.setdefault(message.topic(), []).append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                finished.add((message.topic(), message.partition()))
            elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                raise KafkaException(error)
        for topic, found in by_topic.items():
            self._handlers[topic](found, is_past and not self._caught_up.is_set())
        return finished

    def _start_positions(self, consumer: Consumer) -> list[TopicPartition]:
        """The first offset of each partition that is not older than what is remembered."""
        timeout_s = self._settings.kafka.request_timeout_s
        topics = consumer.list_topics(timeout=timeout_s).topics
        self.partitions = {name: len(topics[name].partitions) for name in self._handlers if name in topics}
        if not self.partitions:
            raise UnreachableError("the topics are missing; run `fraud topics create`")
        since = int((time.time() - self._settings.gateway.remember.total_seconds()) * 1_000)
        asked = [
            TopicPartition(name, number, since)
            for name, count in self.partitions.items()
            for number in range(count)
        ]
        found: list[TopicPartition] = consumer.offsets_for_times(asked, timeout=timeout_s)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
            if one.offset < 0:
                # Nothing is that new: from the end as it is now, since the next message is awaited.
                _, one.offset = consumer.get_watermark_offsets(
                    TopicPartition(one.topic, one.partition), timeout=timeout_s
                )
        return found
