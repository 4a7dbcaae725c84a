"""Compiled code finds card numbers exactly where the readable reference does."""

from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from fraud.cards.numbers import holds_card_number, is_card_number
from fraud.native import card_numbers
from fraud.native.issuers import ISSUERS
from fraud.native.jit import compiled
from tests.fraud.cards.made import PUBLISHED, VISA, with_check_digit

_holds, _is_integer = card_numbers.holds_card_number, card_numbers.is_card_integer


@compiled
def _holds_compiled(data: Any, start: int, end: int) -> bool:
    return bool(_holds(data, start, end))


@compiled
def _is_integer_compiled(value: int) -> bool:
    return bool(_is_integer(value))


def _of_issuers() -> st.SearchStrategy[str]:
    """Numbers with a right check digit, of the lengths of their issuers and of others."""

    def number(draw: tuple[tuple[int, int, tuple[int, ...]], int, int]) -> str:
        (first, last, lengths), seed, other = draw
        length = [*lengths, other][seed % (len(lengths) + 1)]
        prefix = str(first + seed % (last - first + 1))
        return with_check_digit((prefix + str(seed) * 3)[: length - 1])

    return st.tuples(st.sampled_from(ISSUERS), st.integers(10**8, 10**9), st.integers(12, 20)).map(number)


def _grouped(parts: tuple[str, list[int], str]) -> str:
    """A number in groups of these sizes with this separator."""
    digits, sizes, separator = parts
    groups: list[str] = []
    for size in sizes:
        groups, digits = [*groups, digits[:size]], digits[size:]
    return separator.join(one for one in [*groups, digits] if one)


_GROUPED = st.tuples(_of_issuers(), st.lists(st.integers(1, 11), max_size=6), st.sampled_from(" -.,")).map(
    _grouped
)
_NOISE = st.text(alphabet='0123456789 -.abXé"\\', max_size=12)
_TEXTS = st.lists(
    st.one_of(_of_issuers(), _GROUPED, _NOISE, st.sampled_from([*PUBLISHED.values()])), max_size=4
).map("".join)


@given(_TEXTS, _NOISE, _NOISE)
@example(VISA, "", "")
@example(VISA, "0.", "")
@example("4111 1111 1111 1111", "a1", "z")
@example("4111.1111.1111.1111", "", ".")
def test_texts_are_decided_as_by_the_reference(text: str, before: str, after: str) -> None:
    # given a text in the middle of other bytes, of which nothing may count
    data = np.frombuffer(f"{before}{text}{after}\0".encode(), dtype=np.uint8)
    start = len(before.encode())

    # then compiled code says what the reference says of the text alone
    assert _holds_compiled(data, start, start + len(text.encode())) == holds_card_number(text)


@given(st.one_of(_of_issuers().map(int), st.integers(10**12, 10**15)))
@example(int(VISA))
def test_integers_are_decided_as_by_the_reference(value: int) -> None:
    if value < 1 << 63:
        assert _is_integer_compiled(value) == is_card_number(str(value))
