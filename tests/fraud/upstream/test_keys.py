"""Keys: who places them where, and what is said when a card is split."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from confluent_kafka import Producer

from fraud.admission import Admitted, Door
from fraud.environment import Finding, check_environment
from fraud.features.arrivals import read_messages
from fraud.kafka import client_config, create_topics, flush, producer_config
from fraud.settings import AdmissionSettings, Settings
from fraud.upstream.keys import KINDS, classify, fnv1a, murmur2
from fraud.upstream.sample import partitions_of_card, sample_keys, split_note
from fraud.upstream.sampling import KeySampler
from tests.conftest import SettingsFactory
from tests.serving.world import BASE_MS, read_all, transaction

PARTITIONS = 4


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # as org.apache.kafka.common.utils.Utils.murmur2 gives them (UtilsTest), made positive
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_javas(key: bytes, expected: int) -> None:
    assert murmur2(key, 0, len(key)) == expected & 0x7FFF_FFFF


def test_fnv1a_is_known() -> None:
    assert fnv1a(b"") == (1 << 32) - 0x811C_9DC5
    assert fnv1a(b"foobar") == (1 << 32) - 0xBF9C_F968


@pytest.fixture
def placing(make_settings: SettingsFactory, broker: str) -> Settings:
    made = make_settings(kafka={"bootstrap_servers": broker, "partitions": PARTITIONS})
    create_topics(made)
    return made


def produce(settings: Settings, partitioner: str, numbers: range, key: str = "card") -> None:
    """Send payments by a client with this partitioner; `key` is "card", "null" or "merchant"."""
    producer = Producer(client_config(settings, partitioner=partitioner))
    for number in numbers:
        event = transaction(number)
        content = json.dumps({name: value for name, value in event.items() if value is not None})
        keys = {"card": event["card_id"], "null": None, "merchant": event["merchant_id"]}
        producer.produce(settings.topics.transactions, content, keys[key], timestamp=event["timestamp"])
    flush(producer, 30)


def keys_finding(settings: Settings) -> Finding:
    return next(one for one in check_environment(settings) if one.name == "keys")


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["murmur2", "crc32"])
def test_real_clients_are_recognised(placing: Settings, kind: str) -> None:
    # given payments as a real client places them
    produce(placing, "murmur2_random" if kind == "murmur2" else "consistent_random", range(200))
    # then nothing else but a coincidence is seen
    found = sample_keys(placing)
    assert set(found.kinds) == {kind, "ambiguous"}
    assert found.split_cards == 0
    assert keys_finding(placing).ok == (kind == "murmur2")


@pytest.mark.broker
def test_doctor_and_explain_say_that_cards_are_split(placing: Settings) -> None:
    # given two senders that differ, one without keys, and one with another key
    produce(placing, "murmur2_random", range(200))
    assert keys_finding(placing) == Finding(
        "keys", ok=True,
        detail=f"200 recent messages of {placing.topics.transactions} are keyed by their card and placed by "
        "murmur2",
    )  # fmt: skip
    produce(placing, "consistent_random", range(200, 400))
    produce(placing, "murmur2_random", range(400, 410), "null")
    produce(placing, "murmur2_random", range(410, 420), "merchant")
    # then doctor names each
    finding = keys_finding(placing)
    assert not finding.ok
    for words in (
        "2.4% have no key",
        "2.4% have a key that is not",
        "CRC32",
        "are in several partitions",
    ):
        assert words in finding.detail
    assert "murmur2" in finding.remedy
    # and of a card it is said where its payments are
    card = next(card for card in map(str, range(99)) if place_of(card, 3) != place_of(card))
    old = place_of(card, 3)
    for partition in range(PARTITIONS):
        door = Door(settings, partition=partition)
        arrivals = read_messages(door, [content_of(card)], np.array([BASE_MS + 60_000]), [card.encode()])
        assert len(arrivals) == (partition in (old, place_of(card)))


@pytest.mark.broker
def test_our_own_producers_place_by_murmur2(placing: Settings) -> None:
    producer = Producer(producer_config(placing))
    for number in range(50):
        producer.produce(placing.topics.labels, b"x", f"card-{number}")
    flush(producer, 30)
    for message in read_all(placing, placing.topics.labels):
        kind = classify(message.key(), message.key().decode(), message.partition(), PARTITIONS)
        assert kind in ("murmur2", "ambiguous")
