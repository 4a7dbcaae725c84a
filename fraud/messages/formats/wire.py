"""The framing that serialisers of schema registries put before a payload."""

from typing import NamedTuple

from fraud.messages.decoding import MessageError

MAGIC = 0
HEADER_BYTES = 5
_GLUE = 3
_SECTION = "Confluent's framing (a byte 0, then a schema id of four bytes)"
_MAX_INDEXES = 32
_MAX_VARINT_BYTES = 5


class FramedPayload(NamedTuple):
    """A payload and the id of the schema that it was written with."""

    schema_id: int
    payload: bytes


def split_frame(value: bytes | None) -> FramedPayload:
    """Take the header off a message.

    Raises:
        MessageError: it is not framed so.
    """
    if value is None:
        raise MessageError("the message is empty")
    if value[:1] == bytes([_GLUE]):
        raise MessageError("the message has the framing of AWS Glue's serialisers, which is not read")
    if not value or value[0] != MAGIC:
        first = f"starts with byte {value[0]}" if value else "has no bytes"
        raise MessageError(f"the message {first} and not with {_SECTION}")
    if len(value) < HEADER_BYTES:
        raise MessageError(f"the message ends after {len(value)} bytes, within {_SECTION}")
    return FramedPayload(int.from_bytes(value[1:HEADER_BYTES], "big"), value[HEADER_BYTES:])


def split_message_indexes(payload: bytes) -> tuple[tuple[int, ...], bytes]:
    """The path of a Protobuf message's type in its file, and the message.

    It is written as a number of indexes and the indexes, all as zigzag varints; a lone 0 stands for the
    first type of the file.

    Raises:
        MessageError: it cannot be read.
    """
    count, position = _read_zigzag(payload, 0)
    if not 0 <= count <= _MAX_INDEXES:
        raise MessageError(f"the message names its Protobuf type by {count} indexes")
    indexes = []
    for _ in range(count):
        index, position = _read_zigzag(payload, position)
        indexes.append(index)
    return tuple(indexes) or (0,), payload[position:]


def _read_zigzag(payload: bytes, position: int) -> tuple[int, int]:
    number = 0
    for shift, byte in enumerate(payload[position : position + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), position + shift + 1
    raise MessageError("the message ends within the indexes of its Protobuf type")
