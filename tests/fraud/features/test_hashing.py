"""Hashes of whole columns are those of their texts."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.features.events import hash_identifier, hash_texts


@given(texts=st.lists(st.text(max_size=140)), cut=st.integers(0, 5))
def test_a_column_has_the_hashes_of_its_texts(texts: list[str], cut: int) -> None:
    # given a column of two chunks, the second of which starts within its buffers
    column = pa.chunked_array([pa.array(texts[:cut], pa.string()), pa.array(texts, pa.string()).slice(cut)])
    assert hash_texts(column).tolist() == [hash_identifier(text) for text in texts]


@pytest.mark.parametrize("texts", [[], [""], ["", "x" * 128], ["x" * 129, "short"]], ids=len)
def test_short_and_long_texts_are_hashed(texts: list[str]) -> None:
    assert hash_texts(pa.chunked_array([texts], pa.string())).tolist() == list(map(hash_identifier, texts))
