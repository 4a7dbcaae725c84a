"""Redrive on a real broker."""

import time
from collections.abc import Sequence

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from fraud.errors import DataError
from fraud.kafka.clients import consumer_config, producer_config
from fraud.messages.admission import dead_letter_headers
from fraud.settings import Settings
from producer.redrive import RedriveRequest, redrive

NOW = int(time.time() * 1_000)

pytestmark = pytest.mark.broker


def bury(
    settings: Settings, letters: Sequence[tuple[str, bytes | None, str, int]], *, labels: bool = False
) -> None:
    """Dead letters of (key, value, reason, time)."""
    producer, topics = Producer(producer_config(settings)), settings.topics
    source, target = topics.transactions, topics.dead_letters
    if labels:
        source, target = topics.labels, topics.label_dead_letters
    for offset, (key, value, reason, time_ms) in enumerate(letters):
        headers = dead_letter_headers(reason, source, 0, offset, time_ms)
        producer.produce(target, value, key, headers=[("trace", b"abc"), *headers.items()])
    assert producer.flush(20) == 0


def read(settings: Settings, topic: str) -> list[Message]:
    """All committed messages of a topic."""
    consumer = Consumer(consumer_config(settings, f"{topic}.reader", **{"enable.partition.eof": True}))
    consumer.assign(
        [TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(settings.kafka.partitions)]
    )
    messages: list[Message] = []
    ended: set[int] = set()
    while len(ended) < settings.kafka.partitions:
        for message in consumer.consume(1_000, timeout=0.05):
            if message.error() is None:
                messages.append(message)
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF
                ended.add(message.partition())
    consumer.close()
    return messages


def values(settings: Settings, topic: str) -> list[bytes]:
    return sorted(message.value() or b"" for message in read(settings, topic))


def test_letters_go_back_as_they_were(settings: Settings) -> None:
    bury(settings, [("card-1", b"\xff not json", "malformed", NOW)])

    report = redrive(settings, RedriveRequest())

    (message,) = read(settings, settings.topics.transactions)
    assert (report.redriven, report.left) == (1, 0)
    assert (message.key(), message.value()) == (b"card-1", b"\xff not json")
    assert message.timestamp()[1] == NOW
    assert message.headers() == [("trace", b"abc")]


def test_a_second_run_doubles_nothing(settings: Settings) -> None:
    bury(settings, [(f"card-{n}", b"%d" % n, "late", NOW) for n in range(50)])

    counts = [redrive(settings, RedriveRequest()).redriven for _ in range(2)]

    assert counts == [50, 0]
    assert values(settings, settings.topics.transactions) == sorted(b"%d" % n for n in range(50))


def test_what_another_reason_asks_for_stays(settings: Settings) -> None:
    bury(
        settings,
        [
            ("a", b"1", "amount is wrong", NOW),
            ("a", b"2", "too Late", NOW),
            ("b", b"3", "amount is wrong", NOW),
        ],
    )

    late = redrive(settings, RedriveRequest(reason_contains="late"))
    rest = redrive(settings, RedriveRequest(reason_contains="amount"))

    assert (late.redriven, late.left, rest.redriven, rest.left) == (1, 2, 2, 0)
    assert values(settings, settings.topics.transactions) == [b"1", b"2", b"3"]


def test_at_most_so_many_go_back(settings: Settings) -> None:
    bury(settings, [("a", b"%d" % n, "late", NOW) for n in range(5)])

    counts = [redrive(settings, RedriveRequest(most=2)).redriven for _ in range(4)]

    assert counts == [2, 2, 1, 0]
    assert values(settings, settings.topics.transactions) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_dry_run_only_counts(settings: Settings) -> None:
    bury(settings, [("a", b"1", "late", NOW), ("a", b"2", "wrong", NOW)])

    report = redrive(settings, RedriveRequest(reason_contains="wrong", dry_run=True))

    assert (report.redriven, report.left) == (1, 1)
    assert values(settings, settings.topics.transactions) == []
    assert redrive(settings, RedriveRequest()).redriven == 2


def test_an_interrupted_run_leaves_nothing_half_done(settings: Settings) -> None:
    # given: a run that died with its Kafka transaction open
    bury(settings, [("a", b"%d" % n, "late", NOW) for n in range(3)])
    dead = Producer(
        producer_config(settings, **{"transactional.id": f"{settings.topics.dead_letters}.redrive"})
    )
    dead.init_transactions(20)
    dead.begin_transaction()
    dead.produce(settings.topics.transactions, b"half")
    dead.flush(20)

    redrive(settings, RedriveRequest())

    assert values(settings, settings.topics.transactions) == [b"0", b"1", b"2"]


def test_an_empty_message_goes_back_empty(settings: Settings) -> None:
    bury(settings, [("a", None, "the message is empty", NOW)])

    redrive(settings, RedriveRequest())

    assert [message.value() for message in read(settings, settings.topics.transactions)] == [None]


def test_letters_that_kafka_would_delete_stay(forgetful_settings: Settings) -> None:
    bury(forgetful_settings, [("a", b"1", "late", 1_600_000_000_000)])

    with pytest.raises(DataError, match="keeps events for 60 days"):
        redrive(forgetful_settings, RedriveRequest())
