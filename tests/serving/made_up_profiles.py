"""A made-up history of devices and merchants, published run by run, and the profiles of any moment of it."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.definitions.fields import UNKNOWN
from fraud.features.events import Events
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import existing_topics
from fraud.messages.admission import signed_hash
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import ProfileHistory
from fraud.profiles.layout import profile_columns
from fraud.profiles.messages import ProfileMarker, ProfileMessage, message_key, profile_topic
from fraud.profiles.payments import PeriodSums
from fraud.profiles.values import ProfileValues
from fraud.settings import Settings
from tests.definitions import PROFILED
from tests.serving.world import BASE_MS

Ints = npt.NDArray[np.int64]

EVERY_MS = PROFILED.profile_every_ms
FIRST_MOMENT = BASE_MS // EVERY_MS
_PAYMENTS = 20_000
_FRAUDS = 200
_KEYS = {
    "device_id": [f"device-{number}" for number in range(50)],
    "merchant_id": [f"merchant-{number}" for number in range(10)],
}
"""Fewer than those of the payments that are scored: some of these are new."""


@cache
def history_of(field: str) -> ProfileHistory:
    """Payments and frauds of a field's keys around `BASE_MS`."""
    generator = np.random.default_rng(len(field))
    hashes = np.array([signed_hash(text) for text in _KEYS[field]], dtype=np.int64)
    times = BASE_MS + generator.integers(-30 * DAY_MS, DAY_MS, size=_PAYMENTS)
    amounts = generator.integers(100, 100_000, size=_PAYMENTS)
    amounts[generator.random(_PAYMENTS) < 0.05] = UNKNOWN
    payments = PeriodSums.of_payments(generator.choice(hashes, _PAYMENTS), times, amounts, EVERY_MS)
    reported = generator.integers(-DAY_MS * 7, DAY_MS, size=_FRAUDS) // EVERY_MS + FIRST_MOMENT
    until = reported + generator.integers(1, 10_000, size=_FRAUDS)
    frauds = FraudPeriods(generator.choice(hashes, _FRAUDS), reported, reported, until)
    return ProfileHistory(payments, frauds, profile_columns(PROFILED, field))


def features_at(definitions: Definitions, events: Events, moments: Ints) -> npt.NDArray[np.float32]:
    """The profile features of payments (n,) with the profiles of the moments (n,), shape (n, P)."""
    values, index = ProfileValues(definitions), definitions.field_index
    keys = {field: events.values[:, index[field]] for field in values.fields}
    figures = {field: history_of(field).at(of_field, moments) for field, of_field in keys.items()}
    return values.compute(figures, keys, moments, events.values[:, index["amount"]])


def changed_rows(moment: int, since: int | None) -> list[ProfileMessage]:
    """The rows of all keys whose figures differ from those of the moment `since`; None: all rows."""
    rows = []
    for field in PROFILED.profile_fields:
        keys = history_of(field).keys
        figures = history_of(field).at(keys, np.full(len(keys), moment))
        if since is not None:
            is_changed = (figures != history_of(field).at(keys, np.full(len(keys), since))).any(axis=1)
            keys, figures = keys[is_changed], figures[is_changed]
        pairs = zip(keys.tolist(), figures.tolist(), strict=True)
        rows += [ProfileMessage(field, key, moment, of_key) for key, of_key in pairs]
    return rows


def publish_run(
    settings: Settings, moment: int, since: int | None, *, pause_s: float = 0.0, is_cut_off: bool = False
) -> None:
    """Publish what changed since a moment, or everything, and the markers.

    Args:
        settings: Kafka's.
        moment: of the run.
        since: of the run before, None for the first one.
        pause_s: between two halves of the rows, and before the markers.
        is_cut_off: without the second half and the markers.
    """
    rows, topic = changed_rows(moment, since), profile_topic(settings)
    half = len(rows) // 2
    _send(settings, topic, rows[:half])
    if is_cut_off:
        return
    time.sleep(pause_s)
    _send(settings, topic, rows[half:])
    time.sleep(pause_s)
    partitions = existing_topics(settings)[topic]
    _send(settings, topic, {number: ProfileMarker(moment) for number in range(partitions)})


@contextmanager
def publishing_runs(settings: Settings, pause_s: float) -> Iterator[None]:
    """Publish run after run from another thread, until the block ends; the last one is complete."""
    stop = threading.Event()

    def publish() -> None:
        moment, since = FIRST_MOMENT, None
        while not stop.is_set():
            publish_run(settings, moment, since, pause_s=pause_s)
            moment, since = moment + 1, moment

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _send(
    settings: Settings, topic: str, messages: list[ProfileMessage] | Mapping[int, ProfileMarker]
) -> None:
    producer = Producer(producer_config(settings))
    if isinstance(messages, Mapping):
        for partition, marker in messages.items():
            producer.produce(topic, msgspec.json.encode(marker), message_key(marker), partition=partition)
    else:
        for row in messages:
            producer.produce(topic, msgspec.json.encode(row), message_key(row))
    flush(producer, 30)
