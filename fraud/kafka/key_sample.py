"""A sample of `transactions`: whether keys are card ids, and whether each card is in one partition."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.kafka.keys import KeyKind, classify
from fraud.kafka.log import partition_logs
from fraud.kafka.permission_checks import require_readable
from fraud.messages.formats.payloads import Payloads, payloads_of, require_json
from fraud.settings import Settings

_RECENT = 500
"""Messages of each partition in a sample."""
_MAX_SCANNED = 20_000
"""Messages of each partition that are searched for the payments of a card."""

_REGISTRY_PATIENCE_S = 3.0

_FAULT_TEXTS: dict[KeyKind, str] = {
    "null": "have no key",
    "other": "have a key that is not the card_id",
    "crc32": "were placed by CRC32 (librdkafka's default)",
    "fnv1a": "were placed by FNV-1a (sarama's default)",
    "elsewhere": "were placed by a partitioner unknown here, or before partitions were added",
}


class _Payment(msgspec.Struct):
    card_id: str


_DECODER = msgspec.json.Decoder(_Payment)


@dataclass
class KeySample:
    """How many recent messages are of each kind, and in which partitions each card was seen."""

    kinds: Counter[KeyKind] = field(default_factory=Counter)
    partitions: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @property
    def split_cards(self) -> int:
        """Cards seen in more than one partition."""
        return sum(len(found) > 1 for found in self.partitions.values())


def check_keys(settings: Settings) -> str:
    """What a sample shows of the keys, as one sentence.

    Raises:
        DataError: messages are not keyed by their card, or not placed by murmur2.
        UnreachableError: Kafka does not answer, or there is no such topic.
    """
    topic, sample = settings.topics.transactions, sample_keys(settings)
    seen = sample.kinds.total()
    if not seen:
        return f"{topic} holds no payment yet"
    kinds = sample.kinds
    faults = [f"{kinds[kind] / seen:.1%} {text}" for kind, text in _FAULT_TEXTS.items() if kinds[kind]]
    if sample.split_cards:
        faults.append(f"{sample.split_cards} cards are in several partitions, so their state is split")
    if faults:
        raise DataError(f"of {seen:,} recent messages of {topic} {'; '.join(faults)}")
    return f"{seen:,} recent messages of {topic} are keyed by their card and placed by murmur2"


def sample_keys(settings: Settings) -> KeySample:
    """Classify the keys of the last messages of each partition."""
    topic, sample, payloads = settings.topics.transactions, KeySample(), payloads_of(settings)
    count = require_readable(settings, topic)
    for partition, log in enumerate(partition_logs(settings, topic)):
        low, high = log.bounds()
        for message, card in _payments(payloads, log.read(max(low, high - _RECENT), high)):
            sample.kinds[classify(message.key(), card, partition, count)] += 1
            sample.partitions[card].add(partition)
    return sample


def partitions_of_card(settings: Settings, card_id: str, time_ms: int) -> dict[int, int]:
    """How many payments of a card each partition holds, from a day before `time_ms` on.

    Raises:
        UnreachableError: Kafka does not answer, or there is no such topic.
    """
    topic, found = settings.topics.transactions, Counter[int]()
    payloads = payloads_of(settings)
    for partition, log in enumerate(partition_logs(settings, topic)):
        _, high = log.bounds()
        start = log.first_at(time_ms - DAY_MS, high)
        batches = log.read(start, min(high, start + _MAX_SCANNED))
        found[partition] = sum(card == card_id for _, card in _payments(payloads, batches, card_id))
    return {partition: count for partition, count in found.items() if count}


def split_note(found: dict[int, int]) -> str | None:
    """The sentence on a card whose payments are in several partitions; None where they are in one."""
    if len(found) < 2:
        return None
    counts = ", ".join(f"{count} in partition {partition}" for partition, count in sorted(found.items()))
    return (
        f"this card's payments are in several partitions ({counts}): each partition knows only its own, so "
        "the features are too small; `fraud doctor` says which sender keys or places them differently"
    )


def _payments(
    payloads: Payloads, batches: Iterable[list[Any]], likely: str = ""
) -> Iterator[tuple[Any, str]]:
    """Each message that is a payment, with its card; those without the text `likely` may be left out."""
    written = msgspec.json.encode(likely) if likely else b""
    for batch in batches:
        values = require_json(payloads, [message.value() for message in batch], _REGISTRY_PATIENCE_S)
        for message, value in zip(batch, values, strict=True):
            if written not in (value or b""):
                continue
            try:
                yield message, _DECODER.decode(value or b"").card_id
            except (msgspec.DecodeError, ValueError, RecursionError):
                continue
