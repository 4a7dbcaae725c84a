"""The profiles of any moment, against their definition."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.definitions.fields import UNKNOWN
from fraud.labels.history import LabelHistory
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.history import NEVER, ProfileHistory
from fraud.profiles.layout import ProfileColumn, Quantity
from fraud.profiles.payments import ABSENT, PeriodSums

EVERY_MS = 1_000
WINDOWS = (1, 3, 10)
COLUMNS = tuple(ProfileColumn(quantity, window) for quantity in Quantity for window in WINDOWS)

Payment = tuple[int, int, int]
"""Key, time in ms, amount."""
Change = tuple[int, int]
"""Payment, time in ms; the labels of a payment alternate, fraud first."""

payments_strategy = st.lists(
    st.tuples(
        st.sampled_from([ABSENT, 1, 2, -5]),
        st.integers(0, 20_000),
        st.one_of(st.just(UNKNOWN), st.integers(-(10**12), 10**12)),
    ),
    min_size=1,
    max_size=30,
)


def label_history(count: int, changes: Sequence[Change]) -> LabelHistory:
    ordered = sorted(set(changes))
    rows = np.array([row for row, _ in ordered], dtype=np.int64)
    is_fraud = [
        sum(row == other for other, _ in ordered[:number]) % 2 == 0 for number, (row, _) in enumerate(ordered)
    ]
    times = np.array([time for _, time in ordered], dtype=np.int64)
    return LabelHistory(count, rows, times, np.array(is_fraud, dtype=np.bool_))


def expected(
    payments: Sequence[Payment], history: LabelHistory, key: int, moment: int, column: ProfileColumn
) -> int:
    end, start = moment * EVERY_MS, (moment - column.window) * EVERY_MS
    inside = [one for one in payments if one[0] == key != ABSENT and start <= one[1] < end]
    amounts = [amount for _, _, amount in inside if amount != UNKNOWN]
    match column.quantity:
        case Quantity.PAYMENTS:
            return len(inside)
        case Quantity.AMOUNTS:
            return len(amounts)
        case Quantity.TOTAL:
            return sum(amounts)
        case Quantity.SQUARES_HIGH:
            return sum(one * one >> 32 for one in amounts)
        case Quantity.SQUARES_LOW:
            return sum(one * one & 0xFFFF_FFFF for one in amounts)
        case Quantity.FIRST:
            return min((time // EVERY_MS for _, time, _ in inside), default=NEVER)
        case Quantity.FRAUDS:
            labels, reported = history.as_known_at(end - 1), history.first_reported(end - 1)
            return sum(
                one[0] == key != ABSENT and bool(labels[row]) and reported[row] >= start
                for row, one in enumerate(payments)
            )


@settings(max_examples=300, deadline=None)
@given(
    payments=payments_strategy,
    changes=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 25_000)), max_size=20),
    parts=st.integers(1, 4),
)
def test_profiles_are_what_they_say(payments: list[Payment], changes: list[Change], parts: int) -> None:
    # given payments in several files, and reports that come, are revoked and come again
    reports = label_history(len(payments), [(row % len(payments), time) for row, time in changes])
    keys, times, amounts = (np.array(column, dtype=np.int64) for column in zip(*payments, strict=True))
    pieces = [
        PeriodSums.of_payments(keys[part::parts], times[part::parts], amounts[part::parts], EVERY_MS)
        for part in range(parts)
    ]
    frauds = FraudPeriods.of_history(reports, keys, EVERY_MS)
    # when the profiles of every key and moment are looked up, from memory and from files
    merged = PeriodSums.of_table(PeriodSums.merge(pieces).table())
    history = ProfileHistory(merged, FraudPeriods.of_table(frauds.table()), COLUMNS)
    asked = [(key, moment) for key in (1, 2, -5, 99, ABSENT) for moment in range(-1, 30)]
    found = history.at(*(np.array(column, dtype=np.int64) for column in zip(*asked, strict=True)))
    # then each figure is what its definition says
    for row, (key, moment) in zip(found.tolist(), asked, strict=True):
        assert row == [expected(payments, reports, key, moment, column) for column in COLUMNS]


def test_no_payment_at_all_has_empty_profiles() -> None:
    empty = np.empty(0, dtype=np.int64)
    history = ProfileHistory(PeriodSums.merge([]), FraudPeriods(empty, empty, empty, empty), COLUMNS)
    figures = history.at(np.array([7]), np.array([3]))
    assert figures.tolist() == [[NEVER if one.quantity is Quantity.FIRST else 0 for one in COLUMNS]]


@pytest.mark.parametrize("amount", [0, 1, 2**32, 10**12, -(10**12)])
def test_squares_are_exact(amount: int) -> None:
    key, time, paid = (np.array([value], dtype=np.int64) for value in (1, 0, amount))
    one = PeriodSums.of_payments(key, time, paid, EVERY_MS)
    high, low = one.sums[3:, 0].tolist()
    assert (high << 32) + low == amount * amount
