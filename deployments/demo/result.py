"""What came of it: transactions against predictions, read from the topics as any consumer would."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from deployments.demo.outcomes import SENT_AT, LiveOutcomes, count_outcomes, read_live_truth
from deployments.demo.watch import PredictionsWatch
from fraud.kafka.clients import consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.lake import Lake
from fraud.messages.decoding import MessageReader
from fraud.registry.versions import RegisteredVersion, list_versions
from fraud.schema import Prediction
from fraud.settings import Settings

_SENT = ("transaction_id", SENT_AT)


@dataclass(frozen=True)
class DemoResult:
    """The figures of a run; latencies in ms from the moment a live payment was due to be sent."""

    transactions: int
    distinct: int
    predictions: int
    lost: int
    doubled: int
    dead_letters: int
    by_version: Mapping[str, int]
    live: LiveOutcomes
    latency_p50: float
    latency_p99: float
    models: Sequence[RegisteredVersion]

    @property
    def complete(self) -> bool:
        """Whether every transaction has exactly one prediction, or is a dead letter."""
        return self.lost == 0 and self.doubled == 0


def evaluate_run(settings: Settings, lake: Lake, watch: PredictionsWatch) -> DemoResult:
    """Compare what went in with what came out.

    Args:
        settings: name the topics.
        lake: holds the truth, which only the simulator can know.
        watch: saw the live predictions.
    """
    truth = read_live_truth(lake)
    sent = {} if truth is None else dict(zip(*(truth[name].to_pylist() for name in _SENT), strict=True))
    ids = count_transactions(settings)
    answers = read_predictions(settings)
    counts = Counter(answer.transaction_id for answer in answers)
    dead = sum(1 for _ in read_topic(settings, settings.topics.dead_letters))
    latencies = watch.latencies_ms(sent)
    return DemoResult(
        transactions=ids.total(),
        distinct=len(ids),
        predictions=len(answers),
        lost=max(0, len(ids.keys() - counts.keys()) - dead),
        doubled=len(answers) - len(counts),
        dead_letters=dead,
        by_version=Counter(answer.model_version for answer in answers),
        live=count_outcomes(truth, answers),
        latency_p50=_percentile(latencies, 50),
        latency_p99=_percentile(latencies, 99),
        models=list_versions(settings)[::-1],
    )


def read_topic(settings: Settings, topic: str) -> Iterator[Message]:
    """Every committed message that the topic holds now."""
    offsets = end_offsets(settings, topic)
    consumer = Consumer(consumer_config(settings, "fraud-demo", **{"enable.partition.eof": True}))
    try:
        consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in offsets.items()])
        unfinished = {number for number, (low, high) in offsets.items() if high > low}
        while unfinished:
            for message in consumer.consume(10_000, timeout=1.0):
                if message.error() is None:
                    yield message
                else:
                    unfinished.discard(message.partition())
    finally:
        consumer.close()


def _percentile(latencies: Sequence[float], share: float) -> float:
    return float(np.percentile(latencies, share)) if latencies else float("nan")


class _Identified(msgspec.Struct):
    transaction_id: str


def count_transactions(settings: Settings) -> Counter[str]:
    """How often each transaction_id is on the topic."""
    messages = map(MessageReader(_Identified).read, read_topic(settings, settings.topics.transactions))
    return Counter(one.transaction_id for one in messages if one is not None)


def read_predictions(settings: Settings) -> list[Prediction]:
    """Everything that `fraud_predictions` holds now."""
    messages = map(MessageReader(Prediction).read, read_topic(settings, settings.topics.predictions))
    return [one for one in messages if one is not None]
