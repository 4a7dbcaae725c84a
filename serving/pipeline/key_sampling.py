"""Samples the keys of messages at fixed intervals, so that the cost does not grow with the traffic."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fraud.cards.rule import CardRule
from fraud.features.decoded_batch import DecodedBatch
from fraud.kafka.keys import KeyKind, classify

_INTERVAL_S = 0.05
_SAMPLE_SIZE = 8


class KeySampler:
    """Classifies the keys of a few messages of each partition, at most some twenty times a second."""

    def __init__(self) -> None:
        self._due_at: dict[int, float] = {}

    def sample(
        self, messages: Sequence[Any], admitted: DecodedBatch, partitions: int, cards: CardRule
    ) -> Counter[KeyKind]:
        """How many of the sampled messages have a key of each kind; empty between two samples.

        Args:
            messages: Kafka's, of one partition.
            admitted: their transactions.
            partitions: of the topic; 0 where that is unknown, so that no key can be classified.
            cards: by which pseudonyms were put into the transactions.
        """
        now, partition = time.monotonic(), messages[0].partition()
        if now < self._due_at.get(partition, 0.0) or not partitions or not len(admitted):
            return Counter()
        self._due_at[partition] = now + _INTERVAL_S
        refused = {number for number, _ in admitted.refused}
        numbers = [number for number in range(len(messages)) if number not in refused]
        step = max(1, len(numbers) // _SAMPLE_SIZE)
        return Counter(
            classify(key, sent_card(cards, key, admitted.card_id(row)), partition, partitions)
            for row in range(0, len(numbers), step)
            for key in [messages[numbers[row]].key()]
        )


def sent_card(cards: CardRule, key: bytes | None, card_id: str) -> str:
    """The card as its message has it: where a pseudonym stands for it, the key with the card's number."""
    is_replaced = key is not None and cards.action == "replace" and cards.clean_key(key) == card_id.encode()
    return key.decode() if is_replaced and key is not None else card_id
