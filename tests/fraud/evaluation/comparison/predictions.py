"""Predictions as a champion would have logged them."""

import msgspec
import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer

from fraud.definitions.features import FEATURE_VERSION
from fraud.kafka.clients import flush, producer_config
from fraud.schema import Prediction
from fraud.settings import Settings
from fraud.training.dataset import Dataset


def prediction(
    transaction_id: str,
    card_id: str,
    timestamp: int,
    score: float,
    version: str,
    model: str = "fraud-detector",
) -> Prediction:
    """An answer of `version` whose threshold is 0.5."""
    return Prediction(
        transaction_id=transaction_id,
        card_id=card_id,
        timestamp=timestamp,
        amount=1_000,
        currency="EUR",
        score=score,
        decision="review" if score >= 0.5 else "approve",
        threshold=0.5,
        model_name=model,
        model_version=version,
        feature_version=FEATURE_VERSION,
        scored_at=timestamp,
    )


def predictions_of(
    data: Dataset, scores: npt.NDArray[np.float64], version: str, threshold: float = 0.5
) -> list[Prediction]:
    """An answer of `version` to every row."""
    columns = (data.identity["transaction_id"].to_pylist(), data.identity["card_id"].to_pylist())
    return [
        msgspec.structs.replace(prediction(*one, version), threshold=threshold)
        for one in zip(*columns, data.timestamps.tolist(), scores.tolist(), strict=True)
    ]


def send_predictions(settings: Settings, predictions: list[Prediction]) -> None:
    """Put them on the topic by card, with the time of scoring as Kafka's, as serving does."""
    producer = Producer(producer_config(settings))
    for one in predictions:
        producer.produce(
            settings.topics.predictions, msgspec.json.encode(one), one.card_id, timestamp=one.scored_at
        )
    flush(producer, 30)
