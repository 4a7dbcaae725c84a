"""Runs inside a pod of the release (`kubectl exec -i ... python - COMMAND`): what is visible only there.

It shares the memory of the pod's program, so it holds identifiers and little else.
"""

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from fraud.kafka.clients import READER_GROUP, consumer_config, producer_config
from fraud.kafka.offsets import end_offsets, group_lag
from fraud.settings import load_settings


def ids(topic: str) -> Iterator[str]:
    """The transaction_id of every committed message."""
    settings = load_settings()
    ends = end_offsets(settings, topic)
    small = {"enable.partition.eof": True, "queued.max.messages.kbytes": 4_096}
    consumer = Consumer(consumer_config(settings, READER_GROUP, **small))
    consumer.assign([TopicPartition(topic, partition, low) for partition, (low, _) in ends.items()])
    open_partitions = {partition for partition, (low, end) in ends.items() if end > low}
    while open_partitions:
        for message in consumer.consume(5_000, 5.0):
            if message.error():
                open_partitions.discard(message.partition())
            else:
                yield json.loads(message.value())["transaction_id"]
    consumer.close()


def compare() -> dict[str, int]:
    """Every transaction has one prediction: how many were lost or doubled."""
    topics = load_settings().topics
    sent, scored, predictions = set(ids(topics.transactions)), set(), 0
    for one in ids(topics.predictions):
        scored.add(one)
        predictions += 1
    return {
        "transactions": len(sent),
        "predictions": predictions,
        "lost": len(sent - scored),
        "doubled": predictions - len(scored),
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
    # MLflow's client takes 90 MB, which what only reads topics does not need.
    from fraud.registry.aliases import promote

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
