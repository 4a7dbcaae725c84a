"""Compiled skipping of JSON against Python's json: what is skipped is valid, and ordinary JSON is skipped."""

import json
import re
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud.messages.decoding import MAX_DEPTH
from fraud.native.json_values import (
    NOT_SIMPLE,
    count_characters,
    find_text_end,
    skip_name,
    skip_null,
    skip_value,
    skip_whitespace,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abcé", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


ONE_OBJECT, FIRST_NOT_ASCII = 1, 0x80


def end_of_member(text: bytes) -> int:
    """What follows the member at the start, one of the message's own."""
    data = as_array(text)
    at = skip_name(data, 0, FIRST_NOT_ASCII)
    return int(at if at == NOT_SIMPLE else skip_value(data, at, ONE_OBJECT))


def as_array(text: bytes) -> npt.NDArray[np.uint8]:
    """The bytes with the zero after them that ends every message."""
    return np.frombuffer(text + b"\0", dtype=np.uint8)


def depth_of(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def expected_end(text: bytes) -> int | None:
    """Where Python's json ends the value of the member at 0, in any encoding; None if it is none."""
    decoder = json.JSONDecoder(parse_constant=lambda _: [][0])
    with suppress(ValueError, IndexError, RecursionError):
        decoded = text.decode("latin-1")
        _, after_name = decoder.raw_decode(decoded)
        colon = after_name + len(decoded[after_name:]) - len(decoded[after_name:].lstrip(" \t\r\n"))
        if not decoded.startswith('"') or decoded[colon] != ":":
            return None
        start = colon + 1 + len(decoded[colon + 1 :]) - len(decoded[colon + 1 :].lstrip(" \t\r\n"))
        value, end = decoder.raw_decode(decoded, start)
        assert 1 + depth_of(value) <= MAX_DEPTH
        return end
    return None


@settings(deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.sampled_from([b"", b" ", b",", b"}"]))
def test_a_member_of_ordinary_json_is_skipped(
    value: object, ensure_ascii: bool, indent: int | None, after: bytes
) -> None:
    member = '"name" : ' + json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
    text = member.encode()
    assert end_of_member(text + after) == len(text)


@settings(deadline=None, max_examples=500)
@given(VALUES, st.data())
def test_what_is_skipped_is_valid_json(value: object, data: st.DataObject) -> None:
    # given a member with a few damaged bytes
    text = bytearray(b'"name":' + json.dumps(value, ensure_ascii=False).encode() + b",")
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(text) - 1))
        text[position : position + data.draw(st.integers(0, 1))] = data.draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"[", b"}", b"0", b"-", b".", b"e", b"\xff", b"\x1f", b"\\u00"]
            )
        )
    # when it is skipped, then Python's json finds the same end
    found = end_of_member(bytes(text))
    if found != NOT_SIMPLE:
        assert found == expected_end(bytes(text))
        text[:found].decode()


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH])
@pytest.mark.parametrize("bracket", ["[]", '{"":}'])
def test_it_is_as_deep_as_the_full_decoder(levels: int, bracket: str) -> None:
    # given a value of so many levels, within the message's own
    opening, closing = bracket[:-1], bracket[-1]
    text = f'"x":{opening * levels}1{closing * levels}'.encode()
    assert end_of_member(text) == (len(text) if levels < MAX_DEPTH else NOT_SIMPLE)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=5))
@example("", b"")
@example("\x7f\ud7ff\ue000\U0010ffff", b"")
def test_a_text_ends_at_its_quote_if_it_is_simple(text: str, after: bytes) -> None:
    content = text.encode()
    found = find_text_end(as_array(content + b'"' + after), 0)
    simple = re.match(r'[^"\\\x00-\x1f]*', text)[0]  # type: ignore[index]
    is_ended = text[len(simple) :].startswith('"') or simple == text
    assert found == (len(simple.encode()) if is_ended else NOT_SIMPLE)
    assert count_characters(as_array(content), 0, len(content)) == len(text)


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=6))
@example(b"\xed\xa0\x80")  # a surrogate
@example(b"\xc0\x80")  # not the shortest form
@example(b"\xf4\x90\x80\x80")  # beyond Unicode
def test_only_utf8_is_text(content: bytes) -> None:
    found = find_text_end(as_array(content + b'"'), 0)
    if found != NOT_SIMPLE:
        content[:found].decode()
        assert b'"' not in content[:found]
    elif not any(one < 32 or one in b'"\\' for one in content):
        with pytest.raises(UnicodeDecodeError):
            content.decode()


@pytest.mark.parametrize(
    ("text", "end"), [(b"null", 4), (b"null,", 4), (b"nul", NOT_SIMPLE), (b"nulL", NOT_SIMPLE)]
)
def test_a_null_is_skipped(text: bytes, end: int) -> None:
    assert skip_null(as_array(text), 0) == end


def test_whitespace_is_that_of_json() -> None:
    assert skip_whitespace(as_array(b" \t\r\nx"), 0) == 4
    assert skip_whitespace(as_array(b"\x0bx"), 0) == 0
