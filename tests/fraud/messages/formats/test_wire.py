"""The framing of registries' serialisers."""

import zlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.messages.decoding import MessageError
from fraud.messages.formats.wire import CONFLUENT_FRAMING, GLUE_FRAMING, split_message_indexes


def zigzag(*numbers: int) -> bytes:
    """Written as Confluent's serialisers write them."""
    made = bytearray()
    for number in numbers:
        rest = (number << 1) ^ (number >> 63)
        while rest > 0x7F:
            made.append(rest & 0x7F | 0x80)
            rest >>= 7
        made.append(rest)
    return bytes(made)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_a_framed_payload_has_its_id_and_its_bytes(schema_id: int, payload: bytes) -> None:
    value = b"\0" + schema_id.to_bytes(4, "big") + payload

    assert CONFLUENT_FRAMING.split(value) == (schema_id, payload)
    assert CONFLUENT_FRAMING.schema_id(value) == schema_id


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message is empty"),
        (b"", "has no bytes"),
        (b'{"a": 1}', "starts with byte 123"),
        (b"\x01\0\0\0\1", "starts with byte 1 "),
        (b"\0\0\0\1", "ends after 4 bytes"),
        (b"\x03\0" + bytes(16), "starts with byte 3 "),
    ],
)
def test_another_framing_is_refused_with_what_it_is(value: bytes | None, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        CONFLUENT_FRAMING.split(value)
    assert CONFLUENT_FRAMING.schema_id(value) is None


@given(st.uuids(), st.binary(max_size=300), st.booleans())
def test_glue_s_frame_has_a_uuid_and_may_be_compressed(uuid: UUID, payload: bytes, is_small: bool) -> None:
    value = (b"\x03\x05" if is_small else b"\x03\x00") + uuid.bytes
    value += zlib.compress(payload) if is_small else payload

    assert GLUE_FRAMING.split(value) == (str(uuid), payload)
    assert GLUE_FRAMING.schema_id(value) == str(uuid)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message is empty"),
        (b"", "has no bytes"),
        (b"\0\0\0\0\1", "starts with byte 0 and not with AWS Glue's"),
        (b"\x03\0" + bytes(15), "ends after 17 bytes"),
        (b"\x03\x07" + bytes(17), "compression 7"),
        (b"\x03\x05" + bytes(16) + b"no zlib", "cannot be decompressed"),
        (b"\x03\x05" + bytes(16) + zlib.compress(b"abc")[:-2], "cut off"),
        (b"\x03\x05" + bytes(16) + zlib.compress(bytes(2_000_000)), "more than 1048576 bytes"),
    ],
)
def test_another_framing_than_glue_s_is_refused(value: bytes | None, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        GLUE_FRAMING.split(value)


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=5), st.binary(max_size=9))
def test_message_indexes_are_read_as_they_are_written(indexes: list[int], content: bytes) -> None:
    written = zigzag(len(indexes), *indexes)

    assert split_message_indexes(written + content) == (tuple(indexes), content)


def test_a_lone_zero_is_the_first_type() -> None:
    assert split_message_indexes(b"\0rest") == ((0,), b"rest")


@pytest.mark.parametrize("payload", [b"", b"\x02", zigzag(-1), zigzag(1_000, 1), b"\xff" * 9])
def test_indexes_that_cannot_be_are_refused(payload: bytes) -> None:
    with pytest.raises(MessageError, match="index"):
        split_message_indexes(payload)
