"""The framing that serialisers of schema registries put before a payload."""

import zlib
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from fraud.messages.decoding import MAX_BYTES, MessageError

SchemaId = int | str
"""A number of Confluent's, a UUID of Glue's."""

_MAX_INDEXES = 32
_MAX_VARINT_BYTES = 5


class FramedPayload(NamedTuple):
    """A payload and the id of the schema that it was written with."""

    schema_id: SchemaId
    payload: bytes


class Framing(NamedTuple):
    """How a kind of serialisers frames payloads.

    Attributes:
        schema_id: of a message; None if it is not framed so.
        split: takes the frame off a message; raises MessageError if it is not framed so.
    """

    schema_id: Callable[[bytes | None], SchemaId | None]
    split: Callable[[bytes | None], FramedPayload]


_CONFLUENT_BYTES = 5
_CONFLUENT = "Confluent's framing (a byte 0, then a schema id of four bytes)"


def _confluent_id(value: bytes | None) -> int | None:
    if value is None or len(value) < _CONFLUENT_BYTES or value[0] != 0:
        return None
    return int.from_bytes(value[1:_CONFLUENT_BYTES], "big")


def _split_confluent(value: bytes | None) -> FramedPayload:
    schema_id = _confluent_id(value)
    if schema_id is None or value is None:
        raise MessageError(_fault(value, 0, _CONFLUENT))
    return FramedPayload(schema_id, value[_CONFLUENT_BYTES:])


_GLUE_BYTES = 18
_GLUE_FIRST = 3
_GLUE = "AWS Glue's framing (a byte 3, one for the compression, then a UUID)"
_STORED, _DEFLATED = 0, 5


def _glue_id(value: bytes | None) -> str | None:
    if value is None or len(value) < _GLUE_BYTES or value[0] != _GLUE_FIRST:
        return None
    return str(UUID(bytes=value[2:_GLUE_BYTES]))


def _split_glue(value: bytes | None) -> FramedPayload:
    schema_id = _glue_id(value)
    if schema_id is None or value is None:
        raise MessageError(_fault(value, _GLUE_FIRST, _GLUE))
    payload, compression = value[_GLUE_BYTES:], value[1]
    if compression not in (_STORED, _DEFLATED):
        raise MessageError(f"the message has the compression {compression}, which Glue's framing has not")
    return FramedPayload(schema_id, payload if compression == _STORED else _inflated(payload))


def _inflated(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(payload, MAX_BYTES)
    except zlib.error as error:
        raise MessageError(f"the message cannot be decompressed: {error}") from None
    if not inflater.eof:
        raise MessageError(f"the message is cut off, or has more than {MAX_BYTES} bytes decompressed")
    return found


CONFLUENT_FRAMING = Framing(_confluent_id, _split_confluent)
GLUE_FRAMING = Framing(_glue_id, _split_glue)


def _fault(value: bytes | None, first: int, framing: str) -> str:
    if value is None:
        return "the message is empty"
    if not value:
        return f"the message has no bytes and not {framing}"
    if value[0] != first:
        return f"the message starts with byte {value[0]} and not with {framing}"
    return f"the message ends after {len(value)} bytes, within {framing}"


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
