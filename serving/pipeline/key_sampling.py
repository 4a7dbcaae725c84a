"""A look at keys now and then, beside the scoring: what it costs does not grow with the traffic."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fraud.features.decoded_batch import DecodedBatch
from fraud.kafka.keys import Kind, classify

_EVERY_S = 0.05
_AT_ONCE = 8


class KeySampler:
    """Looks at a few messages of a run, some twenty times a second in each partition."""

    def __init__(self) -> None:
        self._due_at: dict[int, float] = {}

    def look(self, messages: Sequence[Any], admitted: DecodedBatch, partitions: int) -> Counter[Kind]:
        """The kinds of some of the admitted messages.

        Args:
            messages: Kafka's, of one partition.
            admitted: what they became.
            partitions: how many the topic has; 0: unknown, so nothing is said.
        """
        now, partition = time.monotonic(), messages[0].partition()
        if now < self._due_at.get(partition, 0.0) or not partitions or not len(admitted):
            return Counter()
        self._due_at[partition] = now + _EVERY_S
        refused = {number for number, _ in admitted.refused}
        chosen = [number for number in range(len(messages)) if number not in refused]
        step = max(1, len(chosen) // _AT_ONCE)
        return Counter(
            classify(messages[chosen[row]].key(), admitted.card(row), partition, partitions)
            for row in range(0, len(chosen), step)
        )
