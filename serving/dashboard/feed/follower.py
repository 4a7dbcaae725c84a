"""Follows Kafka into the store, in a thread of its own.

It is assigned every partition and commits nothing to Kafka: its offsets are in the store, beside what was
read. When Kafka is away it says so and tries again; what was stored stays visible meanwhile.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from fraud.errors import FraudError
from fraud.kafka.clients import READER_GROUP, admin_client, consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.kafka.permission_checks import require_readable, require_topic
from fraud.messages.decoding import MessageReader, fraud_type
from fraud.schema import Label, MerchantProfile, Prediction, Transaction, is_currency, to_minor
from fraud.settings import Settings
from serving.dashboard.feed.clock import newest_date, now_ms
from serving.dashboard.feed.payment_key import PaymentKey, key_of
from serving.dashboard.feed.recorder import Batch, Recorder
from serving.dashboard.feed.store import Store

log = logging.getLogger(__name__)

_BATCH = 5_000
_WAIT_S = 0.1
_GATHER_S = 0.01
_PACE_S = 0.03
"""Between two batches in steady traffic: each is a transaction of the store and an event for every page."""
_QUIET_S = 2.0
_PROBE_S = 2.0
_RETRY_S = 1.0
_END_WITHIN_S = 5.0
_LONGEST_CAMPAIGN = 64
_MOST_AT_START = 500_000
"""Messages of a topic that the first start reads at most, the newest."""

Told = Callable[[list[PaymentKey], Batch], None]


@dataclass(frozen=True)
class KafkaState:
    """How the follower fares; `since` is in ms."""

    connected: bool
    since: int
    problem: str = ""


class Follower:
    """Runs from `start` to `stop`; `told` hears of each batch, `changed` of Kafka's coming and going."""

    def __init__(
        self, settings: Settings, store: Store, told: Told, changed: Callable[[KafkaState], None]
    ) -> None:
        self._settings = settings
        self._store = store
        self._told = told
        self._changed = changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self.state = KafkaState(connected=False, since=now_ms(), problem="connecting")
        topics = settings.topics
        self._readers: dict[str, MessageReader[Any]] = {
            topics.transactions: MessageReader(Transaction, _require_sum),
            topics.predictions: MessageReader(Prediction),
            topics.labels: MessageReader(Label),
            topics.profiles: MessageReader(MerchantProfile, _require_past),
        }

    @property
    def unreadable(self) -> int:
        """How many messages could not be read so far."""
        return sum(reader.refused for reader in self._readers.values())

    def start(self) -> None:
        """Begin to follow; Kafka need not be there yet."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current batch."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_END_WITHIN_S)  # it may wait for a silent Kafka

    def _run(self) -> None:
        connection = self._store.connect()
        while not self._stop.is_set():
            try:
                cluster = self._cluster()
                self._require_rights()
                recorder = Recorder(
                    connection, cluster, self._settings.dashboard,
                    self._settings.admission.per_euro, self._settings.labels,
                )  # fmt: skip
                self._follow(recorder)
            except (FraudError, KafkaException) as error:
                self._be(connected=False, problem=str(error))
            except Exception:
                log.exception("following failed; trying again")
                self._be(connected=False, problem="the dashboard could not keep what it read; see its log")
            self._stop.wait(_RETRY_S)

    def _require_rights(self) -> None:
        for topic in self._topics():
            require_readable(self._settings, topic)
        require_topic(self._settings, self._settings.topics.labels, "write")

    def _follow(self, recorder: Recorder) -> None:
        consumer = Consumer(
            consumer_config(
                self._settings, READER_GROUP, **{"queued.max.messages.kbytes": 16_384, "log_level": 2}
            )
        )
        try:
            places = self._places(recorder.offsets())
            consumer.assign(places)
            self._be(connected=True)
            last = time.monotonic()
            while not self._stop.is_set():
                batch = self._decode(_read(consumer, gather_until=last + _PACE_S))
                if batch.next_offsets:
                    self._told(recorder.write(batch), batch)
                    self._be(connected=True)
                    last = time.monotonic()
                elif time.monotonic() - last > _QUIET_S:
                    self._probe(consumer, len(places))
                    last = time.monotonic()
        finally:
            consumer.close()

    def _probe(self, consumer: Consumer, places: int) -> None:
        """No message may mean no traffic or no Kafka; and topics may have grown."""
        try:
            metadata = consumer.list_topics(timeout=_PROBE_S)
        except KafkaException as error:
            self._be(connected=False, problem=str(error.args[0].str()))
            return
        self._be(connected=True)
        there = [metadata.topics[name] for name in self._topics() if name in metadata.topics]
        if sum(len(topic.partitions) for topic in there) > places:
            raise FraudError("the topics have more partitions now; reading them anew")

    def _cluster(self) -> str:
        """The cluster's id; gives up early, so that an absent Kafka does not delay the end."""
        kafka = self._settings.kafka
        patience_s = min(kafka.request_timeout_s, _PROBE_S)
        hasty = self._settings.model_copy(
            update={"kafka": kafka.model_copy(update={"request_timeout_s": patience_s})}
        )
        return str(admin_client(hasty).list_topics(timeout=patience_s).cluster_id)

    def _topics(self) -> tuple[str, ...]:
        topics = self._settings.topics
        return (topics.profiles, topics.transactions, topics.predictions, topics.labels)

    def _places(self, known: dict[tuple[str, int], int]) -> list[TopicPartition]:
        """Where to begin in each partition: where the store ends, else within the history that is wanted."""
        places = []
        for topic in self._topics():
            ends = end_offsets(self._settings, topic)
            begins = self._begins(topic, ends)
            places += [
                TopicPartition(topic, number, known.get((topic, number), begins[number])) for number in ends
            ]
        return places

    def _begins(self, topic: str, ends: dict[int, tuple[int, int]]) -> dict[int, int]:
        if topic == self._settings.topics.profiles:
            return {number: low for number, (low, _) in ends.items()}
        most = _MOST_AT_START // len(ends)
        newest = {number: max(low, end - most) for number, (low, end) in ends.items()}
        if topic != self._settings.topics.predictions:
            # Their Kafka time is the event's: what a replayed history was scored on today may be years old.
            return newest
        since = now_ms() - round(self._settings.dashboard.history.total_seconds() * 1_000)
        consumer = Consumer(consumer_config(self._settings, READER_GROUP))
        try:
            asked = [TopicPartition(topic, number, since) for number in ends]
            found = consumer.offsets_for_times(asked, timeout=self._settings.kafka.request_timeout_s)
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
                continue  # whoever answers for it has sent it to the dead letters; here it is only not shown
            targets[topic].append(found)
            if isinstance(found, Label) and (campaign := fraud_type(message)):
                batch.campaigns[key_of(found)] = campaign[:_LONGEST_CAMPAIGN]
        return batch

    def _be(self, *, connected: bool, problem: str = "") -> None:
        if connected != self.state.connected or problem != self.state.problem:
            since = self.state.since if connected == self.state.connected else now_ms()
            self.state = KafkaState(connected, since, problem)
            self._changed(self.state)


def _read(consumer: Consumer, gather_until: float) -> list[Message]:
    """What there is: after quiet at once, in steady traffic what comes until then.

    `consume` alone would wait for its time to pass however little comes.
    """
    first = consumer.poll(_WAIT_S)
    if first is None:
        return []
    patience_s = max(_GATHER_S, gather_until - time.monotonic())
    return [first, *consumer.consume(_BATCH - 1, patience_s)]


def _require_sum(one: Transaction) -> None:
    """Raises ValueError for an amount that no payment can have."""
    if not is_currency(one.currency):
        raise ValueError("its currency is not a code of three capitals")
    if abs(to_minor(one.amount, one.currency)) >= 1 << 62:
        raise ValueError("its amount is too large for any sum of money")


def _require_past(one: MerchantProfile) -> None:
    """Raises ValueError for a profile of the future: none of the days until then would replace it."""
    if date.fromisoformat(one.date) > newest_date():
        raise ValueError("its date is ahead of the clock")
