"""Publish the newest profiles to the compacted topic from which serving reads them."""

from collections.abc import Iterator
from datetime import date
from itertools import chain
from math import isnan

import msgspec
import pyarrow as pa
from confluent_kafka import KafkaError, Message, Producer

from fraud.errors import UnreachableError
from fraud.features.profiles import PROFILE_COLUMNS, PROFILE_VERSION
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.log import read_topic
from fraud.kafka.permission_checks import require_topic
from fraud.messages.decoding import MessageReader
from fraud.schema import MerchantProfile
from fraud.settings import Settings

_FLUSH_S = 60.0
_UNKNOWN: list[float | None] = [None] * len(PROFILE_COLUMNS)


def publish_profiles(settings: Settings, day: date, profiles: pa.Table) -> int:
    """Publish the profiles of a day that the topic does not have yet; returns how many.

    A merchant without a profile on that day is published as unknown, so that serving has the same values as
    the training rows. An older profile never replaces a newer one.

    Raises:
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    published = read_published(settings)
    changes = list(_changes(published, str(day), profiles))
    _send(settings, changes)
    return len(changes)


def read_published(settings: Settings) -> dict[str, MerchantProfile]:
    """The published profile of each merchant; messages that cannot be read are ignored."""
    topic = settings.topics.profiles
    published: dict[str, MerchantProfile] = {}
    reader = MessageReader(MerchantProfile)
    require_topic(settings, topic, "write")
    for message in chain.from_iterable(read_topic(settings, topic)):
        if message.value() is not None and (profile := reader.read(message)) is not None:
            published[profile.merchant_id] = profile
    return published


def _changes(
    published: dict[str, MerchantProfile], day: str, profiles: pa.Table
) -> Iterator[MerchantProfile]:
    for row in profiles.to_pylist():
        values = [None if isnan(row[name]) else row[name] for name in PROFILE_COLUMNS]
        profile = MerchantProfile(row["merchant_id"], day, PROFILE_VERSION, values)
        current = published.pop(profile.merchant_id, None)
        if current is None or (current.date <= day and current != profile):
            yield profile
    for merchant, current in published.items():
        if current.date <= day and current.values != _UNKNOWN:
            yield MerchantProfile(merchant, day, PROFILE_VERSION, _UNKNOWN)


def _send(settings: Settings, profiles: list[MerchantProfile]) -> None:
    producer = Producer(producer_config(settings))
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    for profile in profiles:
        value = msgspec.json.encode(profile)
        producer.produce(settings.topics.profiles, value, profile.merchant_id.encode(), on_delivery=delivered)
        producer.poll(0)
    flush(producer, _FLUSH_S)
    if failures:
        raise UnreachableError(
            f"{len(failures)} profiles did not reach {settings.topics.profiles!r}: {failures[0].str()}"
        )
