"""Offsets of partitions as a read_committed reader sees them."""

import pytest
from confluent_kafka import Producer

from fraud.kafka.clients import producer_config
from fraud.kafka.offsets import end_offsets
from fraud.settings import Settings


@pytest.mark.broker
def test_offsets_are_those_of_committed_messages(settings: Settings) -> None:
    # given: two messages, and one in an open transaction
    topic = settings.topics.transactions
    plain = Producer(producer_config(settings))
    for _ in range(2):
        plain.produce(topic, b"x", partition=1)
    plain.flush(20)
    open_one = Producer(producer_config(settings, **{"transactional.id": f"{topic}.test"}))
    open_one.init_transactions(20)
    open_one.begin_transaction()
    open_one.produce(topic, b"x", partition=1)
    open_one.flush(20)

    ends = end_offsets(settings, topic)
    open_one.abort_transaction(20)

    assert ends == {0: (0, 0), 1: (0, 2), 2: (0, 0), 3: (0, 0)}
