"""A compacted topic, read from its start and then followed, on a thread of its own."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud.deadline import Deadline
from fraud.errors import MissingTopicError, UnreachableError
from fraud.kafka.clients import consumer_config
from fraud.kafka.permission_checks import require_topic
from fraud.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 10_000
_RETRY_S = 1.0
_MISSING_RETRY_S = 5.0
_CONFIG = {"enable.partition.eof": True, "fetch.wait.max.ms": 100}
"""A worker starts to score when Kafka has reported the end, in the response to a fetch of nothing."""


class MessageHandler(Protocol):
    """Takes a topic's messages, on the follower's thread."""

    def restart(self, partitions: int) -> None:
        """The topic, of so many partitions, is read from its start, at first or again after an error.

        Raises:
            UnreachableError: it cannot be read like this; it is tried again.
        """

    def take(self, message: Message) -> None:
        """The next message of its partition; it has a value, unless removals are wanted."""

    def reach_end(self) -> None:
        """All that the topic held when reading started is taken; or, if every end is wanted, all so far."""


class TopicFollower:
    """Reads all partitions of a topic for a handler; after an error of Kafka's it starts again.

    A topic that may be missing counts as empty, with no partitions, until it is there.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        handler: MessageHandler,
        *,
        thread: str,
        wants_removals: bool = False,
        wants_every_end: bool = False,
        may_be_missing: bool = False,
    ) -> None:
        self._settings, self._topic, self._handler = settings, topic, handler
        self._wants_removals, self._wants_every_end = wants_removals, wants_every_end
        self._may_be_missing = may_be_missing
        self._is_missing = False
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=thread, daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def wait_until_caught_up(self, timeout_s: float) -> None:
        """Wait until everything that the topic held at the start is read.

        Raises:
            UnreachableError: Kafka did not deliver it in time.
        """
        if not self._caught_up.wait(timeout_s):
            raise UnreachableError(
                f"the topic {self._topic!r} could not be read within {timeout_s:.0f} s; is Kafka up?"
            )

    def stop(self, timeout_s: float) -> None:
        """Stop the thread; one that waits longer than this for a silent Kafka ends with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (KafkaException, UnreachableError) as error:
                log.warning("reading the topic %r failed (%s); trying again", self._topic, error)
                self._stop.wait(_RETRY_S)
            except Exception:
                # Whatever a message makes a handler raise: what it follows must not stand still unseen.
                log.exception("reading the topic %r failed; trying again", self._topic)
                self._stop.wait(_RETRY_S)

    def _find_topic(self) -> int:
        """The number of its partitions; 0 if it is missing and may be."""
        try:
            return require_topic(self._settings, self._topic)
        except MissingTopicError:
            if not self._may_be_missing:
                raise
            return 0

    def _wait_for_topic(self) -> None:
        if not self._is_missing:
            self._is_missing = True
            log.warning(
                "Kafka has no topic %r, which counts as empty; `fraud topics create` makes it", self._topic
            )
            self._handler.restart(0)
            self._handler.reach_end()
            self._caught_up.set()
        self._stop.wait(_MISSING_RETRY_S)

    def _read(self) -> None:
        partitions = range(self._find_topic())
        if not partitions:
            return self._wait_for_topic()
        self._is_missing = False
        self._handler.restart(len(partitions))
        # Partitions are assigned without a subscription: the client needs no other permission on the group.
        consumer = Consumer(consumer_config(self._settings, self._settings.serving.group_id, **_CONFIG))
        unfinished = set(partitions)
        try:
            consumer.assign([self._start_position(consumer, partition) for partition in partitions])
            while not self._stop.is_set():
                finished = self._take(consumer.consume(_BATCH, 0.1))
                is_wanted = bool(unfinished) or (self._wants_every_end and bool(finished))
                unfinished -= finished
                if is_wanted and not unfinished:
                    self._handler.reach_end()
                    self._caught_up.set()
        finally:
            consumer.close()

    def _take(self, messages: list[Message]) -> set[int]:
        """Hand messages over; returns the partitions whose end is reached."""
        finished = set()
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    finished.add(message.partition())
            elif message.value() is not None or self._wants_removals:
                # A compacted topic may hold messages without a value.
                self._handler.take(message)
        return finished

    def _start_position(self, consumer: Consumer, partition: int) -> TopicPartition:
        """The first offset by its number: `OFFSET_BEGINNING` takes the client half a second to resolve."""
        timeout_s = self._settings.kafka.request_timeout_s
        start, _ = consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=timeout_s)
        return TopicPartition(self._topic, partition, start)


class FollowedTopics:
    """What is read from several topics, whose followers start and stop together."""

    def __init__(self, followers: Sequence[TopicFollower]) -> None:
        self._followers = followers

    def start(self) -> None:
        """Start to read."""
        for follower in self._followers:
            follower.start()

    def wait_until_caught_up(self, timeout_s: float) -> None:
        """Wait until everything that the topics held at the start is read.

        Raises:
            UnreachableError: Kafka did not deliver it in time.
        """
        deadline = Deadline(timeout_s)
        for follower in self._followers:
            follower.wait_until_caught_up(deadline.remaining_s)

    def stop(self, timeout_s: float) -> None:
        """Stop the threads; one that waits longer than this for a silent Kafka ends with the process."""
        deadline = Deadline(timeout_s)
        for follower in self._followers:
            follower.stop(deadline.remaining_s)
