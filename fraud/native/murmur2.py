"""The hash of Kafka's Java partitioner: plain Python, which `fraud.native.json_reader` compiles too.

After Austin Appleby's MurmurHash2 as Kafka's clients have it (org.apache.kafka.common.utils.Utils).
"""

from collections.abc import Sequence

_MASK = 0xFFFF_FFFF
_FACTOR = 0x5BD1_E995
_SEED = 0x9747_B28C


def murmur2(data: Sequence[int], start: int, end: int) -> int:
    """The hash of `data[start:end]` (bytes), made non-negative as the partitioner does."""
    length = end - start
    value = _SEED ^ length
    for at in range(start, end - 3, 4):
        word = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        word = word * _FACTOR & _MASK
        word = (word ^ word >> 24) * _FACTOR & _MASK
        value = (value * _FACTOR & _MASK) ^ word
    rest = end - length % 4
    if rest < end:
        for at in range(rest, end):
            value ^= data[at] << 8 * (at - rest)
        value = value * _FACTOR & _MASK
    value = (value ^ value >> 13) * _FACTOR & _MASK
    return (value ^ value >> 15) & 0x7FFF_FFFF
