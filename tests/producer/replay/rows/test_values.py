"""Values of columns as times, amounts and identifiers."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.replay.rows.exact_numbers import as_minor
from producer.replay.rows.values import as_millis, as_text


@pytest.mark.parametrize(
    ("column", "layout", "expected"),
    [
        (["2021-03-04", "2021-03-04T05:06:07.123456Z", "2021-03-04 05:06:07+01:00"], None,
         [1_614_816_000_000, 1_614_834_367_123, 1_614_830_767_000]),
        (["2021-13-04", "noon", ""], None, [None, None, None]),
        (["1614816000000", " 1614816000000 "], None, [1_614_816_000_000] * 2),
        ([1_614_816_000_000], None, [1_614_816_000_000]),
        ([1_614_816_000.25], "epoch_s", [1_614_816_000_250]),
        (["1614816000", "x"], "epoch_s", [1_614_816_000_000, None]),
        (["04/03/2021 00:00", "13/13/2021 00:00"], "%d/%m/%Y %H:%M", [1_614_816_000_000, None]),
        (["2021-03-04 01:00:00.250+0100"], "%Y-%m-%d %H:%M:%S.%f%z", [1_614_816_000_250]),
    ],
)  # fmt: skip
def test_times_are_read(column: list[Any], layout: str | None, expected: list[int | None]) -> None:
    assert as_millis(pa.array(column), layout).to_pylist() == expected


def test_arrow_times_of_any_unit_are_read() -> None:
    for unit in ("s", "ms", "us", "ns"):
        times = pa.array([1_614_816_000], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(unit, "UTC"))
        assert as_millis(times, None).to_pylist() == [1_614_816_000_000]


@given(st.lists(st.integers(-(10**17), 10**17), max_size=20), st.sampled_from(["USD", "JPY", "KWD"]))
def test_amounts_as_text_are_exact(minors: list[int], currency: str) -> None:
    digits = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
    texts = pa.array([str(Decimal(minor).scaleb(-digits)) for minor in minors], pa.string())

    amounts, reasons = as_minor(texts, pa.array([currency] * len(minors), pa.string()))

    assert (amounts.to_pylist(), reasons) == (minors, {})


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=20))
def test_amounts_as_floats_are_the_nearest_minor_unit(minors: list[int]) -> None:
    floats = pa.array([minor / 100 for minor in minors])
    assert as_minor(floats, pa.array(["EUR"] * len(minors)))[0].to_pylist() == minors


def test_large_whole_floats_stay_identifiers() -> None:
    assert as_text(pa.array([6584575441591452.0, 1.5, None])).to_pylist() == ["6584575441591452", "1.5", None]
