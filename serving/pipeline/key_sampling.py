"""Samples the keys of messages at fixed intervals, so that the cost does not grow with the traffic."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fraud.features.decoded_batch import DecodedBatch
from fraud.kafka.keys import KeyKind, classify

_INTERVAL_S = 0.05
_SAMPLE_SIZE = 8


class KeySampler:
    """Classifies the keys of a few messages of each partition, at most some twenty times a second."""

    def __init__(self) -> None:
        self._due_at: dict[int, float] = {}

    def sample(self, messages: Sequence[Any], admitted: DecodedBatch, partitions: int) -> Counter[KeyKind]:
        """How many of the sampled messages have a key of each kind; empty between two samples.

        Args:
            messages: Kafka's, of one partition.
            admitted: their transactions.
            partitions: of the topic; 0 where that is unknown, so that no key can be classified.
        """
        now, partition = time.monotonic(), messages[0].partition()
        if now < self._due_at.get(partition, 0.0) or not partitions or not len(admitted):
            return Counter()
        self._due_at[partition] = now + _INTERVAL_S
        refused = {number for number, _ in admitted.refused}
        numbers = [number for number in range(len(messages)) if number not in refused]
        step = max(1, len(numbers) // _SAMPLE_SIZE)
        return Counter(
            classify(messages[numbers[row]].key(), admitted.card_id(row), partition, partitions)
            for row in range(0, len(numbers), step)
        )
