"""Keys: who places them where, and what is said when a card is split."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from confluent_kafka import Producer

from fraud.cards.rule import CardRule
from fraud.features.decoded_batch import decode_batch
from fraud.health_checks import Finding, check_environment
from fraud.kafka.clients import client_config, flush, producer_config
from fraud.kafka.key_sample import partitions_of_card, sample_keys, split_note
from fraud.kafka.keys import KEY_KINDS, classify, fnv1a
from fraud.kafka.topics import create_topics
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native.murmur2 import murmur2
from fraud.settings import AdmissionSettings, Settings
from serving.pipeline.key_sampling import KeySampler
from tests.conftest import SettingsFactory
from tests.definitions import V1
from tests.serving.world import BASE_MS, read_all, transaction

PARTITIONS = 4


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
    card = next(card for card, places in sample_keys(placing).partitions.items() if len(places) > 1)
    found = partitions_of_card(placing, card, BASE_MS)
    assert sum(found.values()) == sum(transaction(number)["card_id"] == card for number in range(420))
    assert "several partitions" in (split_note(found) or "")
    assert split_note({1: 7}) is None


@dataclass(frozen=True)
class Sent:
    content: bytes
    sent_key: bytes | None
    place: int = 0

    def key(self) -> bytes | None:
        return self.sent_key

    def partition(self) -> int:
        return self.place


def content_of(card: str) -> bytes:
    event = transaction(1, card_id=card)
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def test_a_sampler_looks_at_what_was_admitted_and_not_too_often() -> None:
    # given refused messages between payments with and without a key
    messages = [Sent(b"x", b"?"), Sent(content_of("a"), b"a"), Sent(b"", b"?"), Sent(content_of("Zoë"), None)]
    decoded = decode_batch(
        AdmissionFilter(V1, AdmissionSettings()),
        [one.content for one in messages],
        np.full(4, BASE_MS + 60_000),
    )
    sampler = KeySampler()
    # then only the payments count
    kinds = sampler.sample(messages, decoded, PARTITIONS, CardRule())
    assert kinds.total() == 2
    assert kinds["null"] == 1
    assert set(kinds) <= set(KEY_KINDS)
    # and the next look comes later
    assert not sampler.sample(messages, decoded, PARTITIONS, CardRule())


def place_of(card: str, partitions: int = PARTITIONS) -> int:
    return murmur2(card.encode(), 0, len(card.encode())) % partitions


def required() -> Iterator[tuple[str, bytes | None, int, bool]]:
    """A card, its message's key, the partition, and whether it counts."""
    for card in ("card-1", "card-2", "c", "Zoë", "x" * 64):
        right = place_of(card)
        yield from ((card, card.encode(), place, place == right) for place in range(PARTITIONS))
        yield from ((card, key, right, False) for key in (None, b"", b"card", card.encode() + b" ", b"\xff"))


@pytest.mark.parametrize(("card", "key", "partition", "counts"), list(required()))
def test_required_keys_are_decided_alike_by_serving_and_ingest(
    card: str, key: bytes | None, partition: int, counts: bool
) -> None:
    settings = AdmissionSettings(keys="require", partitions=(PARTITIONS,))
    # when serving reads it between two that are refused, and the ingest reads it
    content, time = content_of(card), BASE_MS + 60_000
    admission = AdmissionFilter(V1, settings, partition=partition)
    result = admission.validate(content, time, key)
    compiled = AdmissionFilter(V1, settings, partition=partition)
    decoded = decode_batch(compiled, [b"", content, b""], np.full(3, time), [b"a", key, None])
    # then both say the same, and a refused one moves nothing
    assert isinstance(result, Admitted) == counts
    assert len(decoded) == counts
    assert compiled.state == admission.state
    assert (admission.max_event_time > 0) == counts
    if not isinstance(result, Admitted):
        assert "key" in result.reason
        assert dict(decoded.refused)[1] == result.reason


def test_keys_may_lie_where_any_number_of_partitions_put_them() -> None:
    # given a topic that was extended from three partitions to four
    settings = AdmissionSettings(keys="require", partitions=(3, PARTITIONS))
    card = next(card for card in map(str, range(99)) if place_of(card, 3) != place_of(card))
    for partition in range(PARTITIONS):
        admission = AdmissionFilter(V1, settings, partition=partition)
        decoded = decode_batch(admission, [content_of(card)], np.array([BASE_MS + 60_000]), [card.encode()])
        assert len(decoded) == (partition in (place_of(card, 3), place_of(card)))


@pytest.mark.broker
def test_our_own_producers_place_by_murmur2(placing: Settings) -> None:
    producer = Producer(producer_config(placing))
    for number in range(50):
        producer.produce(placing.topics.labels, b"x", f"card-{number}")
    flush(producer, 30)
    for message in read_all(placing, placing.topics.labels):
        kind = classify(message.key(), message.key().decode(), message.partition(), PARTITIONS)
        assert kind in ("murmur2", "ambiguous")
