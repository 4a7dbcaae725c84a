"""The compiled hash against the library xxhash."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from fraud.native.xxh3 import MAX_BYTES, SECRET, xxh3_64
from tests.definitions import V1


def compiled_hash(content: bytes) -> int:
    data = np.frombuffer(b"??" + content + b"!", dtype=np.uint8)
    return int(xxh3_64(data, 2, len(data) - 1, SECRET))


@settings(deadline=None)
@given(st.binary(max_size=MAX_BYTES))
def test_it_equals_the_library(content: bytes) -> None:
    assert compiled_hash(content) == xxh3_64_intdigest(content)


@pytest.mark.parametrize("fill", [None, 0, 255])
def test_it_equals_the_library_at_every_length(fill: int | None) -> None:
    random = Random(11)
    for length in range(MAX_BYTES + 1):
        content = random.randbytes(length) if fill is None else bytes([fill]) * length
        assert compiled_hash(content) == xxh3_64_intdigest(content), length


def test_no_text_of_a_transaction_is_longer_than_what_can_be_hashed() -> None:
    assert max(field.max_length for field in V1.fields if field.is_text) <= MAX_BYTES
