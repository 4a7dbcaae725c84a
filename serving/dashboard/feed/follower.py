"""Reads the topics into the store, in one thread.

It is assigned every partition and commits no offsets to Kafka: they are in the store, beside what was read.
While Kafka does not answer it reports that and tries again; what is stored stays visible. Of several replicas
on one database one follows, the others wait for its place (`database.leadership`).
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from sqlalchemy import Connection

from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.errors import FraudError
from fraud.kafka.clients import READER_GROUP, admin_client, consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.kafka.permission_checks import require_readable, require_topic
from fraud.messages.card_numbers import PaymentCardNumbers, replace_in_label
from fraud.messages.decoding import MessageReader, fraud_type, published_at
from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads, payloads_of, require_json
from fraud.messages.transaction import TransactionValues, transaction_type
from fraud.privacy.forgotten import read_forgotten
from fraud.schema import Label, MerchantProfile, Prediction, is_currency, to_minor
from fraud.settings import Settings
from serving.dashboard.database.leadership import try_to_lead
from serving.dashboard.feed.clock import latest_profile_date, now_ms
from serving.dashboard.feed.payment_key import PaymentKey, key_of
from serving.dashboard.feed.recorder import Batch, Recorder
from serving.dashboard.feed.store import Store

log = logging.getLogger(__name__)

_BATCH_SIZE = 5_000
_POLL_S = 0.1
_GATHER_S = 0.01
_BATCH_INTERVAL_S = 0.03
"""Between two batches in steady traffic: each is a transaction of the store and an event for every page."""
_PROBE_AFTER_S = 2.0
_PROBE_TIMEOUT_S = 2.0
_RETRY_S = 1.0
_STOP_TIMEOUT_S = 5.0
_STANDBY_PROBE_S = 10.0
_MAX_FRAUD_TYPE_LENGTH = 64
_MAX_FIRST_READ = 500_000
"""Messages of a topic that the first start reads at most, the newest."""

OnBatch = Callable[[list[PaymentKey], Batch], None]


@dataclass(frozen=True)
class KafkaState:
    """Whether Kafka answers; `since` is in ms."""

    connected: bool
    since: int
    problem: str = ""


class Follower:
    """Runs from `start` to `stop`; calls `on_batch` after each batch and `on_state` after a change."""

    def __init__(
        self, settings: Settings, store: Store, on_batch: OnBatch, on_state: Callable[[KafkaState], None]
    ) -> None:
        self._settings = settings
        self._store = store
        self._on_batch = on_batch
        self._on_state = on_state
        self._history_after = round(settings.dashboard.history_after.total_seconds() * 1_000)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self.state = KafkaState(connected=False, since=now_ms(), problem="connecting")
        topics = settings.topics
        self._readers: dict[str, MessageReader[Any]] = {
            topics.transactions: transaction_reader(
                settings.loaded_definitions, settings.card_rule, payloads_of(settings)
            ),
            topics.predictions: MessageReader(Prediction, to_json=settings.card_rule.replace_stored),
            topics.labels: MessageReader(Label, partial(replace_in_label, settings.card_rule)),
            topics.profiles: MessageReader(MerchantProfile, _require_no_future_date),
        }

    @property
    def unreadable(self) -> int:
        """How many messages could not be read so far."""
        return sum(reader.refused for reader in self._readers.values())

    def start(self) -> None:
        """Start to read; Kafka may answer later."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)  # it may wait for a silent Kafka

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                cluster = self._cluster()
                self._require_permissions()
                with self._store.connect() as connection:
                    if self._wait_to_lead(connection):
                        self._follow(Recorder(connection, cluster, self._settings, self._store.card_ref))
            except (FraudError, KafkaException) as error:
                self._set_state(connected=False, problem=str(error))
            except Exception:
                log.exception("reading Kafka into the store failed; trying again")
                self._set_state(
                    connected=False, problem="the dashboard could not store what it read; see its log"
                )
            self._stop.wait(_RETRY_S)

    def _wait_to_lead(self, connection: Connection) -> bool:
        """Wait while another replica follows Kafka; False: it is time to ask Kafka whether it answers."""
        deadline = time.monotonic() + _STANDBY_PROBE_S
        while not self._stop.is_set() and time.monotonic() < deadline:
            if try_to_lead(connection):
                return True
            self._set_state(connected=True)
            self._stop.wait(_RETRY_S)
        return False

    def _require_permissions(self) -> None:
        for topic in self._topics():
            require_readable(self._settings, topic)
        require_topic(self._settings, self._settings.topics.labels, "write")

    def _follow(self, recorder: Recorder) -> None:
        recorder.remember_forgotten(read_forgotten(self._settings))
        consumer = Consumer(
            consumer_config(
                self._settings, READER_GROUP, **{"queued.max.messages.kbytes": 16_384, "log_level": 2}
            )
        )
        try:
            positions = self._start_positions(recorder.offsets())
            consumer.assign(positions)
            self._set_state(connected=True)
            last = time.monotonic()
            while not self._stop.is_set():
                batch = self._decode(_read(consumer, gather_until=last + _BATCH_INTERVAL_S))
                if batch.next_offsets:
                    self._on_batch(recorder.write(batch), batch)
                    self._set_state(connected=True)
                    last = time.monotonic()
                elif time.monotonic() - last > _PROBE_AFTER_S:
                    self._probe(consumer, len(positions))
                    last = time.monotonic()
        finally:
            consumer.close()

    def _probe(self, consumer: Consumer, assigned: int) -> None:
        """Check why nothing arrives: no traffic, or no Kafka. Topics may also have new partitions."""
        try:
            metadata = consumer.list_topics(timeout=_PROBE_TIMEOUT_S)
        except KafkaException as error:
            self._set_state(connected=False, problem=str(error.args[0].str()))
            return
        self._set_state(connected=True)
        topics = [metadata.topics[name] for name in self._topics() if name in metadata.topics]
        if sum(len(topic.partitions) for topic in topics) > assigned:
            raise FraudError("the topics have new partitions; assigning them")

    def _cluster(self) -> str:
        """The cluster's id; waits 2 s at most, so that `stop` need not wait for Kafka."""
        kafka = self._settings.kafka
        patience_s = min(kafka.request_timeout_s, _PROBE_TIMEOUT_S)
        quick = self._settings.model_copy(
            update={"kafka": kafka.model_copy(update={"request_timeout_s": patience_s})}
        )
        return str(admin_client(quick).list_topics(timeout=patience_s).cluster_id)

    def _topics(self) -> tuple[str, ...]:
        topics = self._settings.topics
        return (topics.profiles, topics.transactions, topics.predictions, topics.labels)

    def _start_positions(self, known: dict[tuple[str, int], int]) -> list[TopicPartition]:
        """The first offset of each partition: where the store ends, else within the configured history."""
        positions = []
        for topic in self._topics():
            ends = end_offsets(self._settings, topic)
            starts = self._start_offsets(topic, ends)
            positions += [
                TopicPartition(topic, number, known.get((topic, number), starts[number])) for number in ends
            ]
        return positions

    def _start_offsets(self, topic: str, ends: dict[int, tuple[int, int]]) -> dict[int, int]:
        if topic == self._settings.topics.profiles:
            return {number: low for number, (low, _) in ends.items()}
        most = _MAX_FIRST_READ // len(ends)
        newest = {number: max(low, end - most) for number, (low, end) in ends.items()}
        if topic != self._settings.topics.predictions:
            # The Kafka time is the event time: a history that is replayed today may be years old.
            return newest
        since = now_ms() - round(self._settings.dashboard.history.total_seconds() * 1_000)
        consumer = Consumer(consumer_config(self._settings, READER_GROUP))
        try:
            wanted = [TopicPartition(topic, number, since) for number in ends]
            found = consumer.offsets_for_times(wanted, timeout=self._settings.kafka.request_timeout_s)
        finally:
            consumer.close()
        starts = {one.partition: one.offset if one.offset >= 0 else ends[one.partition][1] for one in found}
        return {number: max(start, newest[number]) for number, start in starts.items()}

    def _decode(self, messages: Sequence[Message]) -> Batch:
        batch, topics = Batch(), self._settings.topics
        targets: dict[str, list[Any]] = {
            topics.transactions: batch.transactions,
            topics.predictions: batch.predictions,
            topics.labels: batch.labels,
            topics.profiles: batch.profiles,
        }
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            topic = str(message.topic())
            batch.next_offsets[topic, int(message.partition() or 0)] = int(message.offset() or 0) + 1
            found = self._readers[topic].read(message)
            if found is None:
                batch.refused[topic] += 1
                continue  # the consumer that owns the topic has sent it to the dead letters
            targets[topic].append(found)
            if topic == topics.transactions and published_at(message) - found.timestamp > self._history_after:
                batch.history.add(key_of(found))
            if isinstance(found, Label) and (name := fraud_type(message)):
                batch.fraud_types[key_of(found)] = name[:_MAX_FRAUD_TYPE_LENGTH]
        return batch

    def _set_state(self, *, connected: bool, problem: str = "") -> None:
        if connected != self.state.connected or problem != self.state.problem:
            since = self.state.since if connected == self.state.connected else now_ms()
            self.state = KafkaState(connected, since, problem)
            self._on_state(self.state)


def _read(consumer: Consumer, gather_until: float) -> list[Message]:
    """Messages: after a pause at once, in steady traffic what arrives until `gather_until`.

    `consume` alone waits for its whole timeout however few messages arrive.
    """
    first = consumer.poll(_POLL_S)
    if first is None:
        return []
    patience_s = max(_GATHER_S, gather_until - time.monotonic())
    return [first, *consumer.consume(_BATCH_SIZE - 1, patience_s)]


def transaction_reader(
    definitions: Definitions, cards: CardRule, payloads: Payloads = JSON_PAYLOADS
) -> MessageReader[Any]:
    """Reads transactions; refuses amounts that no payment can have and, as admission does, card numbers.

    Reading raises UnreachableError while the schema registry does not answer.
    """
    values, card_numbers = TransactionValues(definitions), PaymentCardNumbers(definitions, cards)

    def convert(one: Any) -> Any:
        if not is_currency(one.currency):
            raise ValueError("its currency is not a code of three capitals")
        if abs(to_minor(one.amount, one.currency)) >= 1 << 62:
            raise ValueError("its amount is too large for an amount of money")
        found = card_numbers.find(values.read(one))
        return card_numbers.replace(one, found) if found else one

    def to_json(value: bytes | None) -> bytes | None:
        return require_json(payloads, [value], patience_s=0)[0]

    return MessageReader(transaction_type(definitions), convert, to_json)


def _require_no_future_date(one: MerchantProfile) -> MerchantProfile:
    """Raises ValueError for a profile with a future date: earlier ones would not replace it."""
    if date.fromisoformat(one.date) > latest_profile_date():
        raise ValueError("its date is ahead of the clock")
    return one
