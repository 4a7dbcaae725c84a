"""Runs inside a pod of the release (`kubectl exec -i ... python - COMMAND`): what is visible only there."""

import json
import sys
import urllib.request
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from fraud.kafka.clients import READER_GROUP, consumer_config, producer_config
from fraud.kafka.offsets import end_offsets, group_lag
from fraud.registry.aliases import promote
from fraud.settings import load_settings


def ids(topic: str) -> list[str]:
    """The transaction_id of every committed message."""
    settings = load_settings()
    ends = end_offsets(settings, topic)
    consumer = Consumer(consumer_config(settings, READER_GROUP, **{"enable.partition.eof": True}))
    consumer.assign([TopicPartition(topic, partition, low) for partition, (low, _) in ends.items()])
    found, open_partitions = [], {partition for partition, (low, end) in ends.items() if end > low}
    while open_partitions:
        for message in consumer.consume(5_000, 5.0):
            if message.error():
                open_partitions.discard(message.partition())
            else:
                found.append(json.loads(message.value())["transaction_id"])
    consumer.close()
    return found


def compare() -> dict[str, int]:
    """Every transaction has one prediction: how many were lost or doubled."""
    topics = load_settings().topics
    sent, scored = ids(topics.transactions), ids(topics.predictions)
    return {
        "transactions": len(set(sent)),
        "predictions": len(scored),
        "lost": len(set(sent) - set(scored)),
        "doubled": len(scored) - len(set(scored)),
    }


def lag() -> int:
    """What the engines have not committed yet."""
    settings = load_settings()
    return group_lag(settings, settings.serving.group_id, settings.topics.transactions)


def models() -> list[str]:
    """The lines of /metrics that name the model in use."""
    with urllib.request.urlopen("http://127.0.0.1:8080/metrics", timeout=10) as response:
        return [
            line for line in response.read().decode().splitlines() if line.startswith("fraud_model_info{")
        ]


def move(version: str) -> str:
    """Make this version the champion."""
    promote(load_settings(), version, "moved by the cluster's test")
    return version


def write(topic: str) -> str:
    """What the broker says to a message for this topic: the name of its error, empty when it took it."""
    answers: list[KafkaError | None] = []

    def answered(error: KafkaError | None, _: Message) -> None:
        answers.append(error)

    producer = Producer(producer_config(load_settings()))
    producer.produce(topic, b"{}", on_delivery=answered)
    producer.flush(30)
    (error,) = answers
    return "" if error is None else str(error.name())


COMMANDS: dict[str, Callable[..., object]] = {
    "compare": compare,
    "lag": lag,
    "models": models,
    "move": move,
    "write": write,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
