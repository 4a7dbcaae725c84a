"""A consumer of `fraud_predictions` as a user would have one: what becomes visible, and when."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.messages.decoding import MessageReader
from fraud.schema import Prediction
from fraud.settings import Settings


class PredictionsWatch:
    """Follows the predictions from now on, in a separate thread; runs from entry to exit.

    `latencies_ms` holds, of every prediction, the time from the transaction's event to its visibility for a
    reader of committed records.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="predictions-watch", daemon=True)
        self.seen = 0
        self.flagged = 0
        self.by_version: Counter[str] = Counter()
        self.latencies_ms: list[int] = []

    def __enter__(self) -> Self:
        self._consumer = Consumer(consumer_config(self._settings, "fraud-demo-watch"))
        ends = end_offsets(self._settings, self._settings.topics.predictions)
        self._consumer.assign(
            [
                TopicPartition(self._settings.topics.predictions, number, end)
                for number, (_, end) in ends.items()
            ]
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def percentile(self, share: float) -> float:
        """The latency (ms) that `share` percent of the predictions did not exceed; NaN before the first."""
        return float(np.percentile(self.latencies_ms, share)) if self.latencies_ms else float("nan")

    def _follow(self) -> None:
        reader = MessageReader(Prediction)
        while not self._stop.is_set():
            messages = self._consumer.consume(1_000, timeout=0.02)
            now = time.time_ns() // 1_000_000
            for message in messages:
                if message.error() is None and (prediction := reader.read(message)) is not None:
                    self._count(prediction, now)

    def _count(self, prediction: Prediction, now: int) -> None:
        self.seen += 1
        self.flagged += prediction.decision != "approve"
        self.by_version[prediction.model_version] += 1
        self.latencies_ms.append(now - prediction.timestamp)
