"""Follows the topics of policies and lists in one thread, and keeps both in memory.

A topic that does not exist counts as empty: an installation may be older than policies.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, TopicPartition

from fraud.decisions.log.fold import PolicyLog
from fraud.decisions.log.state import PolicyState
from fraud.errors import FraudError, MissingTopicError
from fraud.kafka.clients import READER_GROUP, consumer_config
from fraud.kafka.log import is_end_of_partition
from fraud.kafka.offsets import end_offsets
from fraud.kafka.permission_checks import require_topic
from fraud.settings import Settings
from fraud.signing.keys import trusted_keys
from serving.dashboard.decisions.entries import EntryTable

log = logging.getLogger(__name__)
_BATCH = 5_000
_POLL_S = 0.1
_RETRY_S = 1.0
_MISSING_RETRY_S = 5.0
_STOP_TIMEOUT_S = 5.0
_CONFIG = {"enable.partition.eof": True, "fetch.wait.max.ms": 100, "log_level": 2}


@dataclass(frozen=True)
class DecisionState:
    """What both topics said up to now.

    Attributes:
        policies: the log of policies.
        entries: of the lists; filled further while the topic is followed.
        problem: why this is not known or may be old, else None.
    """

    policies: PolicyState = field(default_factory=PolicyState)
    entries: EntryTable = field(default_factory=EntryTable)
    problem: str | None = "policies and lists are being read"


class DecisionFollower:
    """Runs from `start` to `stop`; calls `on_change` after each change."""

    def __init__(self, settings: Settings, on_change: Callable[[], None]) -> None:
        self._settings, self._on_change = settings, on_change
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._missing: frozenset[str] = frozenset()
        self._said: tuple[int, int, str | None] | None = None
        self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
        self.state = DecisionState()

    def start(self) -> None:
        """Start to read; Kafka may answer later."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)  # it may wait for a silent Kafka

    def wait_for(self, condition: Callable[[DecisionState], bool], timeout_s: float = 2.0) -> bool:
        """Wait until what was written is read, too; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self.state), timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (FraudError, KafkaException) as error:
                self._publish(DecisionState(self.state.policies, self.state.entries, str(error)))
            except Exception:
                log.exception("policies and lists could not be read; trying again")
                problem = "the dashboard could not read policies and lists; see its log"
                self._publish(DecisionState(self.state.policies, self.state.entries, problem))
            self._stop.wait(_RETRY_S)

    def _follow(self) -> None:
        """Read both topics from their start, until the process stops or a missing topic may be there."""
        partitions = self._partitions()
        if not partitions:
            self._publish(DecisionState(problem=None))
            self._stop.wait(_MISSING_RETRY_S)
            return
        consumer = Consumer(consumer_config(self._settings, READER_GROUP, **_CONFIG))
        try:
            consumer.assign(partitions)
            self._take(consumer, {(one.topic, one.partition) for one in partitions})
        finally:
            consumer.close()

    def _take(self, consumer: Consumer, unread: set[tuple[str, int]]) -> None:
        policies, entries = PolicyLog(trusted_keys(self._settings)), EntryTable()
        topics = self._settings.topics
        takers = {topics.policies: policies.take, topics.lists: entries.take}
        look_again_at = time.monotonic() + (_MISSING_RETRY_S if self._missing else float("inf"))
        while not self._stop.is_set() and time.monotonic() < look_again_at:
            messages = consumer.consume(_BATCH, _POLL_S)
            for message in messages:
                if is_end_of_partition(message):
                    unread.discard((str(message.topic()), int(message.partition() or 0)))
                else:
                    takers[str(message.topic())](message)
            if messages and not unread:
                self._publish(DecisionState(policies.state(), entries, None))

    def _partitions(self) -> list[TopicPartition]:
        """Each partition from its first offset; none of a topic that does not exist."""
        topics = self._settings.topics
        found = {name: self._count_partitions(name) for name in (topics.policies, topics.lists)}
        missing = frozenset(name for name, partitions in found.items() if not partitions)
        for name in sorted(missing - self._missing):
            log.warning("Kafka has no topic %r, which counts as empty; `fraud topics create` makes it", name)
        self._missing = missing
        return [
            TopicPartition(name, number, low)
            for name in found
            if name not in missing
            for number, (low, _) in end_offsets(self._settings, name).items()
        ]

    def _count_partitions(self, topic: str) -> int:
        try:
            return require_topic(self._settings, topic, "read")
        except MissingTopicError:
            return 0

    def _publish(self, state: DecisionState) -> None:
        said = (state.policies.position, state.entries.position, state.problem)
        with self._changed:
            self.state = state
            self._changed.notify_all()
        if said != self._said:
            self._said = said
            self._on_change()
