"""Merchants' daily profiles as one array, kept up to date from the compacted topic.

A thread reads the topic; the serving loop adds what was read between two micro-batches, so that a batch sees
one state of the table. Each prediction names the date of the profile that it was scored with.
"""

import logging
import threading
from collections.abc import Sequence
from itertools import repeat
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraud.definitions.features import FEATURE_VERSION
from fraud.errors import UnreachableError
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.kafka.clients import consumer_config
from fraud.kafka.permission_checks import require_topic
from fraud.messages.decoding import MessageReader
from fraud.schema import MerchantProfile
from fraud.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 10_000
_RETRY_S = 1.0
_CONFIG = {"enable.partition.eof": True, "fetch.wait.max.ms": 100}
"""A worker starts to score when Kafka has reported the end, in the response to a fetch of nothing."""
_NO_PROFILE = 0
"""The table's first row: a merchant without a profile."""


class ProfileTable:
    """The newest profile of every merchant."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._values = np.full((1_024, len(PROFILE_COLUMNS)), np.nan)
        self._dates: list[str | None] = [None]

    def __len__(self) -> int:
        return len(self._rows)

    def upsert(self, profile: MerchantProfile) -> None:
        """Set a merchant's profile unless it is older than the present one or of another feature version."""
        if profile.feature_version != FEATURE_VERSION or len(profile.values) != len(PROFILE_COLUMNS):
            return
        row = self._rows.get(profile.merchant_id)
        if row is None:
            row = self._rows[profile.merchant_id] = self._add_row()
        elif profile.date < (self._dates[row] or ""):
            return
        self._values[row] = [np.nan if value is None else value for value in profile.values]
        self._dates[row] = profile.date

    def lookup(self, merchants: Sequence[str]) -> tuple[npt.NDArray[np.float64], list[str | None]]:
        """The merchants' profiles.

        Returns:
            The values, shape (n, len(PROFILE_COLUMNS)), NaN where there is no profile, and the n dates.
        """
        rows = [*map(self._rows.get, merchants, repeat(_NO_PROFILE))]
        return self._values[rows], [*map(self._dates.__getitem__, rows)]

    def _add_row(self) -> int:
        self._dates.append(None)
        row = len(self._dates) - 1
        if row == len(self._values):
            self._values = np.concatenate([self._values, np.full_like(self._values, np.nan)])
        return row


class ProfileReader:
    """Reads the topic from its start and then follows it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pending: SimpleQueue[MerchantProfile] = SimpleQueue()
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="profiles", daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    def wait_until_caught_up(self, timeout_s: float) -> None:
        """Wait until everything that the topic held at the start is read.

        Raises:
            UnreachableError: Kafka did not deliver it in time.
        """
        if not self._caught_up.wait(timeout_s):
            topic = self._settings.topics.profiles
            raise UnreachableError(
                f"the topic {topic!r} could not be read within {timeout_s:.0f} s; is Kafka up?"
            )

    def apply_pending(self, table: ProfileTable) -> int:
        """Add what was read since the last call to the table; returns the number of profiles."""
        count = self._pending.qsize()
        for _ in range(count):
            table.upsert(self._pending.get_nowait())
        return count

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
                log.warning("reading the merchants' profiles failed (%s); trying again", error)
                self._stop.wait(_RETRY_S)

    def _read(self) -> None:
        partitions = range(require_topic(self._settings, self._settings.topics.profiles))
        # Partitions are assigned without a subscription: the client needs no other permission on the group.
        consumer = Consumer(consumer_config(self._settings, self._settings.serving.group_id, **_CONFIG))
        reader, unfinished = MessageReader(MerchantProfile), set(partitions)
        try:
            consumer.assign([self._start_position(consumer, partition) for partition in partitions])
            while not self._stop.is_set():
                for message in consumer.consume(_BATCH, 0.1):
                    error = message.error()
                    if error is None:
                        self._enqueue(reader, message)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        unfinished.discard(message.partition())
                if not unfinished:
                    self._caught_up.set()
        finally:
            consumer.close()

    def _start_position(self, consumer: Consumer, partition: int) -> TopicPartition:
        """The first offset by its number: `OFFSET_BEGINNING` takes the client half a second to resolve."""
        topic, timeout_s = self._settings.topics.profiles, self._settings.kafka.request_timeout_s
        start, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout_s)
        return TopicPartition(topic, partition, start)

    def _enqueue(self, reader: MessageReader[MerchantProfile], message: Message) -> None:
        # A compacted topic may hold messages without a value, which have no profile.
        if message.value() is not None and (profile := reader.read(message)) is not None:
            self._pending.put(profile)
