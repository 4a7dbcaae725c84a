"""A consumer of `fraud_predictions` as a user would have one: what becomes visible, and when."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from fraud.kafka.clients import consumer_config
from fraud.kafka.offsets import end_offsets
from fraud.messages.decoding import MessageReader
from fraud.schema import Prediction
from fraud.settings import Settings


class PredictionsWatch:
    """Follows the predictions from now on, in a separate thread; runs from entry to exit.

    `visible_at` holds, by transaction, when (ms) its first prediction was visible for a reader of committed
    records.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="predictions-watch", daemon=True)
        self._newest = time.monotonic()
        self.seen = 0
        self.flagged = 0
        self.by_version: Counter[str] = Counter()
        self.visible_at: dict[str, int] = {}

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

    @property
    def idle_s(self) -> float:
        """How long (s) no prediction has become visible."""
        return time.monotonic() - self._newest

    def latencies_ms(self, sent_at: Mapping[str, int]) -> list[int]:
        """From when each of these transactions was sent (ms) to its visible prediction."""
        return [seen - sent_at[name] for name, seen in self.visible_at.items() if name in sent_at]

    def _follow(self) -> None:
        reader = MessageReader(Prediction)
        while not self._stop.is_set():
            messages = self._consumer.consume(1_000, timeout=0.02)
            now = time.time_ns() // 1_000_000
            for message in messages:
                if message.error() is None and (prediction := reader.read(message)) is not None:
                    self._count(prediction, now)

    def _count(self, prediction: Prediction, now: int) -> None:
        self._newest = time.monotonic()
        self.seen += 1
        self.flagged += prediction.decision != "approve"
        self.by_version[prediction.model_version] += 1
        self.visible_at.setdefault(prediction.transaction_id, now)
