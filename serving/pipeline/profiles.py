"""Merchants' daily profiles as one array, kept up to date from the compacted topic.

A thread reads; what it read is entered between two micro-batches, so that a batch sees one state of the
table. Which generation a transaction was scored with is recorded in its prediction.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud.errors import UnreachableError
from fraud.features.spec import FEATURE_VERSION, PROFILE_COLUMNS
from fraud.kafka.clients import consumer_config
from fraud.kafka.permission_checks import require_topic
from fraud.messages.decoding import MessageReader
from fraud.schema import MerchantProfile
from fraud.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 10_000
_CONFIG = {"enable.partition.eof": True, "fetch.wait.max.ms": 100}
"""A worker begins to score when it has been told the end, with the answer to a fetch that has nothing."""
_UNKNOWN = 0
"""The table's first row: a merchant without a profile."""


class ProfileTable:
    """The newest profile of every merchant."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._values = np.full((1_024, len(PROFILE_COLUMNS)), np.nan)
        self._dates: list[str | None] = [None]
        self.newest_date: str | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def enter(self, profile: MerchantProfile) -> None:
        """Take a profile, unless it is older than the one that is there or of other features."""
        if profile.feature_version != FEATURE_VERSION or len(profile.values) != len(PROFILE_COLUMNS):
            return
        row = self._rows.get(profile.merchant_id)
        if row is None:
            row = self._rows[profile.merchant_id] = self._add_row()
        elif profile.date < (self._dates[row] or ""):
            return
        self._values[row] = [np.nan if value is None else value for value in profile.values]
        self._dates[row] = profile.date
        self.newest_date = max(self.newest_date or "", profile.date)

    def find(self, merchants: Sequence[str]) -> tuple[npt.NDArray[np.float64], list[str | None]]:
        """The merchants' values, shape (n, len(PROFILE_COLUMNS)), and the dates of their profiles."""
        rows = [*map(self._rows.get, merchants, repeat(_UNKNOWN))]
        return self._values[rows], [*map(self._dates.__getitem__, rows)]

    def _add_row(self) -> int:
        self._dates.append(None)
        row = len(self._dates) - 1
        if row == len(self._values):
            more = np.full_like(self._values, np.nan)
            self._values = np.concatenate([self._values, more])
        return row


class ProfileReader:
    """Reads the topic from its beginning and then follows it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pending: deque[MerchantProfile] = deque()
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="profiles", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wait_until_caught_up(self, timeout_s: float) -> None:
        """Wait until what the topic held at the start has been read.

        Raises:
            UnreachableError: Kafka did not deliver it in time.
        """
        if not self._caught_up.wait(timeout_s):
            topic = self._settings.topics.profiles
            raise UnreachableError(
                f"the topic {topic!r} could not be read within {timeout_s:.0f} s; is Kafka up?"
            )

    def enter_into(self, table: ProfileTable) -> int:
        """Enter what was read since the last call; returns how many profiles that were."""
        count = len(self._pending)
        for _ in range(count):
            table.enter(self._pending.popleft())
        return count

    def stop(self, timeout_s: float) -> None:
        """End the thread; if it waits for a silent Kafka longer than this, it is left to end by itself."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (KafkaException, UnreachableError) as error:
                log.warning("reading the merchants' profiles failed (%s); trying again", error)
                self._stop.wait(1.0)

    def _read(self) -> None:
        topic = self._settings.topics.profiles
        behind = set(range(require_topic(self._settings, topic)))
        # A client of its own in the same group: it is assigned by hand and needs no further right.
        consumer = Consumer(consumer_config(self._settings, self._settings.serving.group_id, **_CONFIG))
        reader = MessageReader(MerchantProfile)
        try:
            consumer.assign([self._begin(consumer, partition) for partition in behind])
            while not self._stop.is_set():
                for message in consumer.consume(_BATCH, 0.1):
                    error = message.error()
                    if error is None:
                        self._take(reader, message)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        behind.discard(message.partition())
                if not behind:
                    self._caught_up.set()
        finally:
            consumer.close()

    def _begin(self, consumer: Consumer, partition: int) -> TopicPartition:
        """By its number: the client would find out what "the beginning" is half a second later."""
        topic, timeout_s = self._settings.topics.profiles, self._settings.kafka.request_timeout_s
        begin, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout_s)
        return TopicPartition(topic, partition, begin)

    def _take(self, reader: MessageReader[MerchantProfile], message: Message) -> None:
        # A compacted topic may hold messages without a value; they say nothing of a merchant.
        if message.value() is not None and (profile := reader.read(message)) is not None:
            self._pending.append(profile)
