"""The hash of Java's partitioner: known values, and the compiled function against the plain one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.native.json_reader import MessageKeys, mark_misplaced
from fraud.native.murmur2 import murmur2


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # as org.apache.kafka.common.utils.Utils.murmur2 gives them (UtilsTest), made positive
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_it_equals_javas(key: bytes, expected: int) -> None:
    assert murmur2(key, 0, len(key)) == expected & 0x7FFF_FFFF


@given(st.binary(max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_what_surrounds_a_key_does_not_count(key: bytes, before: bytes, after: bytes) -> None:
    assert murmur2(before + key + after, len(before), len(before) + len(key)) == murmur2(key, 0, len(key))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=30), st.booleans()), max_size=20),
    st.integers(0, 5),
    st.lists(st.integers(1, 7), min_size=1, max_size=3),
)
def test_compiled_code_finds_the_same_partitions(
    keys: list[tuple[bytes, bool]], partition: int, counts: list[int]
) -> None:
    # given keys, some of them refused already
    data = b"".join(key for key, _ in keys)
    found = MessageKeys(
        np.frombuffer(data, dtype=np.uint8),
        np.cumsum([len(key) for key, _ in keys], dtype=np.int64),
        np.array([is_allowed for _, is_allowed in keys], dtype=np.bool_),
    )
    # when those in another partition are marked
    mark_misplaced(found, partition, np.array(counts, dtype=np.int64))
    # then it is as the plain function says
    assert found.is_allowed.tolist() == [
        is_allowed and any(murmur2(key, 0, len(key)) % count == partition for count in counts)
        for key, is_allowed in keys
    ]
