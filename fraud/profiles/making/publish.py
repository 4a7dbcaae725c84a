"""Publish the profiles of a moment to their topic: what changed, then a marker in each partition."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import KafkaError, Message, Producer

from fraud.definitions.features import DAY_MS
from fraud.errors import UnreachableError
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.topics import topic_id
from fraud.lake import Lake
from fraud.profiles.making.figures import KeyFigures
from fraud.profiles.making.published import (
    PublicationLog,
    Published,
    changed_figures,
    emptied_keys,
    with_emptied,
)
from fraud.profiles.making.published_runs import merge_runs, store_run
from fraud.profiles.messages import ProfileMarker, ProfileMessage, message_key, profile_topic
from fraud.settings import Settings

Ints = npt.NDArray[np.int64]

_FLUSH_S = 300.0


@dataclass(frozen=True)
class Publication:
    """What a run has sent: how many rows of which moment (ms), and how many markers."""

    moment_ms: int
    rows: int
    markers: int

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.moment_ms / 1_000, UTC)
        if not self.markers:
            return f"nothing to publish of {moment:%Y-%m-%d %H:%M} UTC"
        return f"{self.rows} profiles of {moment:%Y-%m-%d %H:%M} UTC published"


def publish_figures(
    settings: Settings, lake: Lake, moment: int, figures: dict[str, KeyFigures]
) -> Publication:
    """Publish what the topic does not have yet of the profiles of a moment.

    An older moment than the last one is not published, and one that is there already only where its figures
    have changed.

    Args:
        settings: Kafka's, with the definitions.
        lake: keeps what was published.
        moment: in periods since 1970.
        figures: by field, of all keys.

    Raises:
        UnreachableError: Kafka does not answer, or the topic is missing.
        DataError: a file of the lake is missing or broken.
    """
    definitions, topic = settings.loaded_definitions, profile_topic(settings)
    partitions = require_topic(settings, topic, "write")
    log = PublicationLog(definitions, lake)
    before, moment_ms = log.read(topic_id(settings, topic)), moment * definitions.profile_every_ms
    if before.moment is not None and before.moment > moment:
        return Publication(moment_ms, 0, 0)
    changes = changed_figures(definitions, before, figures)
    rows = sum(len(found.keys) for found in changes.values())
    if not rows and before.moment == moment:
        return Publication(moment_ms, 0, 0)
    noted = log.note_uncertain(before, changes)
    # First: the monitor must find in the lake whatever serving may have read.
    _store(settings, lake, moment, changes)
    sender = _Sender(settings, topic)
    sender.send_rows(moment, changes)
    sender.send_markers(moment, partitions)
    sender.remove(emptied_keys(definitions, before, figures))
    after = with_emptied(definitions, figures, changes)
    log.note_complete(noted, Published(before.topic, moment, after))
    return Publication(moment_ms, rows, partitions)


def _store(settings: Settings, lake: Lake, moment: int, changes: dict[str, KeyFigures]) -> None:
    """Keep what is sent for as long as the monitor looks back."""
    definitions = settings.loaded_definitions
    for field, found in changes.items():
        store_run(lake, definitions, field, moment, found.keys, found.figures)
    days = settings.monitoring.window_days + settings.training.label_delay.days + 1
    merge_runs(lake, definitions, moment - days * DAY_MS // definitions.profile_every_ms)


class _Sender:
    """Sends messages and waits until all of them are acknowledged."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._producer = Producer(producer_config(settings))
        self._topic = topic
        self._failures: list[KafkaError] = []

    def send_rows(self, moment: int, changes: dict[str, KeyFigures]) -> None:
        for field, found in changes.items():
            for key, figures in zip(found.keys.tolist(), found.figures.tolist(), strict=True):
                self._send(ProfileMessage(field, key, moment, figures))
        self._wait()

    def send_markers(self, moment: int, partitions: int) -> None:
        for partition in range(partitions):
            self._send(ProfileMarker(moment), partition=partition)
        self._wait()

    def remove(self, keys: dict[str, Ints]) -> None:
        """Let compaction remove what the topic has of these keys."""
        for field, found in keys.items():
            for key in found.tolist():
                self._produce(None, message_key(ProfileMessage(field, key, 0, [])))
        self._wait()

    def _send(self, message: ProfileMessage | ProfileMarker, **where: Any) -> None:
        self._produce(msgspec.json.encode(message), message_key(message), **where)

    def _produce(self, value: bytes | None, key: bytes, **where: Any) -> None:
        while not self._enqueue(value, key, **where):
            # The producer's queue may hold less than all rows of a large run.
            self._producer.poll(0.1)
        self._producer.poll(0)

    def _enqueue(self, value: bytes | None, key: bytes, **where: Any) -> bool:
        try:
            self._producer.produce(self._topic, value, key, on_delivery=self._delivered, **where)
        except BufferError:
            return False
        return True

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)

    def _wait(self) -> None:
        flush(self._producer, _FLUSH_S)
        if self._failures:
            raise UnreachableError(
                f"{len(self._failures)} profiles did not reach {self._topic!r}: {self._failures[0].str()}"
            )
