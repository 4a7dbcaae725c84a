"""Keys of `transactions`: whether they are the card_id, and which partitioner placed them.

A card's state is in one partition, so all its messages must be in one: the key must be the card_id, and every
sender must use the same partitioner, Java's murmur2. Other default partitioners of clients are recognised, so
that a mixture of them can be reported.
"""

from collections.abc import Sequence
from typing import Literal, get_args
from zlib import crc32

from fraud.native.murmur2 import murmur2

KeyKind = Literal["null", "other", "murmur2", "crc32", "fnv1a", "ambiguous", "elsewhere"]
"""`null`: no key; `other`: the key is not the card_id; the rest name the partitioner that places the key in
its partition: one alone, several of them (`ambiguous`), or none (`elsewhere`)."""

KEY_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
PARTITIONERS: tuple[KeyKind, ...] = ("murmur2", "crc32", "fnv1a", "elsewhere")
"""Kinds that cannot be together where all use one partitioner."""

_MASK = 0xFFFF_FFFF


def fnv1a(key: bytes) -> int:
    """The hash of sarama's default partitioner, as it takes it modulo the number of partitions."""
    value = 0x811C_9DC5
    for byte in key:
        value = (value ^ byte) * 0x0100_0193 & _MASK
    # Go's int32, made positive after its remainder was taken: the same as taking that of its size.
    return value if value < 1 << 31 else (1 << 32) - value


def classify(key: bytes | None, card: str, partition: int, partitions: int) -> KeyKind:
    """The kind of a message in `partition` of so many `partitions`."""
    if key is None:
        return "null"
    if key != card.encode():
        return "other"
    hashes: dict[KeyKind, int] = {
        "murmur2": murmur2(key, 0, len(key)),
        "crc32": crc32(key),
        "fnv1a": fnv1a(key),
    }
    fitting = [name for name, key_hash in hashes.items() if key_hash % partitions == partition]
    if len(fitting) > 1:
        return "ambiguous"
    return fitting[0] if fitting else "elsewhere"


def invalid_key_reason(key: bytes | None, card: str, partition: int, partitions: Sequence[int]) -> str | None:
    """Why a message is refused where keys are required; None if it is not.

    `partitions` are the numbers of partitions that the topic has had; empty: placement is not checked.
    """
    if key is None:
        return "the message has no key; the key must be the card_id"
    if key != card.encode():
        return "the key is not the card_id"
    if partitions and not any(murmur2(key, 0, len(key)) % number == partition for number in partitions):
        counts = " or ".join(map(str, partitions))
        return (
            f"the key does not belong into partition {partition} of {counts}: its sender does not use the "
            "partitioner murmur2"
        )
    return None
