"""Which of several reports decides, against a naive reference."""

from dataclasses import FrozenInstanceError
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.labels.precedence import LabelReports, decide_labels, deciding_reports, rank_sources

PAYMENTS = 4
TIMES = range(1, 5)


class Report(NamedTuple):
    """One report; its fields are those of `LabelReports`."""

    row: int
    reported_at: int
    is_fraud: bool
    rank: int
    partition: int
    offset: int

    @property
    def moment(self) -> tuple[int, int, int]:
        """By which it comes before or after others."""
        return self.reported_at, self.partition, self.offset


@st.composite
def reports(draw: st.DrawFn) -> list[Report]:
    """Many on few payments, at few moments, in any order."""
    values = st.tuples(
        st.integers(0, PAYMENTS - 1), st.sampled_from(TIMES), st.booleans(), st.integers(0, 2),
        st.integers(0, 1),
    )  # fmt: skip
    found = [Report(*one, number) for number, one in enumerate(draw(st.lists(values, max_size=25)))]
    return draw(st.permutations(found))


def columns(found: list[Report]) -> LabelReports:
    rows, times, is_fraud, *others = zip(*found, strict=True) if found else ([],) * 6
    ranks, partitions, offsets = (np.array(one, dtype=np.int64) for one in others)
    return LabelReports(
        np.array(rows, dtype=np.int64), np.array(times, dtype=np.int64), np.array(is_fraud, dtype=np.bool_),
        ranks, partitions, offsets,
    )  # fmt: skip


def naive(found: list[Report], row: int, until: int) -> Report | None:
    """The report that decides on a payment of those that are known at a moment."""
    known = [one for one in found if one.row == row and one.reported_at <= until]
    return max(known, key=lambda one: (one.rank, one.moment), default=None)


def naive_contradicted(found: list[Report]) -> set[int]:
    """The offsets of reports that had an effect but for another of the same rank and moment."""
    overruled = set()
    for one in found:
        own = [other for other in found if other.row == one.row]
        earlier = [other for other in own if other.moment <= one.moment]
        if one.rank < max(other.rank for other in earlier):
            continue
        decides = naive(found, one.row, one.reported_at)
        if decides is not None and decides.rank == one.rank and decides.is_fraud != one.is_fraud:
            overruled |= {one.offset} if decides.reported_at == one.reported_at else set()
    return overruled


@given(reports())
def test_it_equals_the_naive_reference(found: list[Report]) -> None:
    decided = decide_labels(PAYMENTS, columns(found))
    # then at each moment a payment is what the deciding report says
    for moment in (0, *TIMES):
        known = [naive(found, row, moment) for row in range(PAYMENTS)]
        expected = [one is not None and one.is_fraud for one in known]
        assert decided.history.as_known_at(moment).tolist() == expected
    # and the reports that had no effect for another of their moment are named
    assert {found[index].offset for index in decided.contradicted} == naive_contradicted(found)
    # and in the end one report of each payment decides
    last = [naive(found, row, max(TIMES)) for row in range(PAYMENTS)]
    assert [found[index] for index in deciding_reports(columns(found))] == [one for one in last if one]


def test_an_unknown_source_is_below_all_others() -> None:
    sources = pa.chunked_array([["customer", "another"], [None, "chargeback", "customer"]])
    ranks = rank_sources(sources, {"chargeback": 3, "analyst": 2, "customer": 1})
    assert ranks.tolist() == [1, 0, 0, 3, 1]


def test_reports_are_not_changed_by_those_who_read_them() -> None:
    made = columns([Report(0, 1, True, 1, 0, 0)])
    with pytest.raises(FrozenInstanceError):
        made.rows = made.offsets  # type: ignore[misc]
