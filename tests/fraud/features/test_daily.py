"""Merchants' profiles against a naive reference that counts everything again for each day."""

import math
import random
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.features.daily import (
    FRAUD_SPANS_ARROW,
    MERCHANT_DAYS_ARROW,
    daily_profiles,
    date_of,
    day_number,
    fraud_spans,
    merchant_days,
)
from fraud.features.profiles import MERCHANT_PRIOR_WEIGHT, MERCHANT_WINDOWS_DAYS, PROFILE_COLUMNS
from fraud.labels.joining import join_labels

FIRST = date(2024, 3, 1)
DAY0_MS = day_number(FIRST) * DAY_MS

Row = dict[str, Any]
Profiles = dict[date, dict[str, list[float]]]


def payment(number: int, day: float, merchant: str = "m0", amount: int = 1_000) -> Row:
    return {
        "card_id": f"c{number % 5}",
        "transaction_id": f"t{number}",
        "merchant_id": merchant,
        "timestamp": DAY0_MS + int(day * DAY_MS),
        "amount": amount,
    }


def label(number: int, day: float, *, is_fraud: bool = True, offset: int = 0) -> Row:
    return {
        "card_id": f"c{number % 5}",
        "transaction_id": f"t{number}",
        "is_fraud": is_fraud,
        "reported_at": DAY0_MS + int(day * DAY_MS),
        "partition": 0,
        "offset": offset,
    }


def history(seed: int) -> tuple[list[Row], list[Row]]:
    draw = random.Random(seed)
    payments = [
        payment(number, draw.uniform(0, 50), f"m{draw.randrange(6)}", draw.randrange(1, 100_000_000))
        for number in range(400)
    ]
    payments += draw.sample(payments, 20)  # delivered again
    labels = [
        label(number, draw.uniform(0, 60), is_fraud=draw.random() < 0.7, offset=place)
        for place, number in enumerate(draw.choices(range(400), k=200))
    ]
    return payments, labels


def computed(payments: list[Row], labels: list[Row], first: int, last: int) -> Profiles:
    """The profiles of the days `first` to `last` after FIRST."""
    days = merchant_days(pa.Table.from_pylist(payments)) if payments else MERCHANT_DAYS_ARROW.empty_table()
    frauds = FRAUD_SPANS_ARROW.empty_table()
    if labels:
        paid = pa.Table.from_pylist(payments)
        frauds = fraud_spans(join_labels(paid, pa.Table.from_pylist(labels)).history, paid["merchant_id"])
    begin, end = FIRST + timedelta(days=first), FIRST + timedelta(days=last)
    return {
        day: {row["merchant_id"]: [row[name] for name in PROFILE_COLUMNS] for row in table.to_pylist()}
        for day, table in daily_profiles(days, frauds, begin, end)
    }


def naive(payments: list[Row], labels: list[Row], day: date) -> dict[str, list[float]]:
    """One day's profiles, counted from nothing."""
    midnight = day_number(day) * DAY_MS
    firsts = {(one["card_id"], one["transaction_id"]): one for one in reversed(payments)}
    before = [one for one in firsts.values() if one["timestamp"] < midnight]
    merchant_of = {one["transaction_id"]: one["merchant_id"] for one in payments}
    paid_at = {one["transaction_id"]: one["timestamp"] for one in payments}
    first: dict[str, int] = {}
    latest: dict[str, Row] = {}
    for label in sorted(labels, key=lambda one: (one["reported_at"], one["offset"])):
        name = label["transaction_id"]
        if not paid_at[name] <= label["reported_at"] < midnight:
            continue
        latest[name] = label
        if label["is_fraud"]:
            first.setdefault(name, label["reported_at"])
    frauds = [one | {"first": first[name]} for name, one in latest.items() if one["is_fraud"]]

    def counts(merchant: str | None, days: int) -> tuple[list[Row], int]:
        since = midnight - days * DAY_MS
        paid = [one for one in before if one["timestamp"] >= since and merchant in (None, one["merchant_id"])]
        reported = [
            one
            for one in frauds
            if one["first"] >= since and merchant in (None, merchant_of[one["transaction_id"]])
        ]
        return paid, len(reported)

    everything, all_frauds = counts(None, 30)
    rate = all_frauds / len(everything) if everything else math.nan
    profiles = {}
    for merchant in sorted(set(merchant_of.values())):
        windows = [counts(merchant, days) for days in MERCHANT_WINDOWS_DAYS]
        paid, reported = windows[-1]
        if not paid and not reported:
            continue
        amounts = [one["amount"] for one in paid]
        number, total, squares = len(amounts), sum(amounts), sum(one * one for one in amounts)
        profiles[merchant] = [
            *(float(len(payments)) for payments, _ in windows),
            *(
                (count + MERCHANT_PRIOR_WEIGHT * rate) / (len(payments) + MERCHANT_PRIOR_WEIGHT)
                for payments, count in windows
            ),
            total / number if number else math.nan,
            math.sqrt(number * squares - total * total) / number if number else math.nan,
        ]
    return profiles


def same(left: dict[str, list[float]], right: dict[str, list[float]]) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(left[name], right[name], equal_nan=True) for name in left
    )


@pytest.mark.parametrize("seed", range(5))
def test_profiles_equal_the_naive_reference_to_the_bit(seed: int) -> None:
    # given a history with repeats, revised labels and enormous amounts
    payments, labels = history(seed)
    # when the profiles of all days are computed
    profiles = computed(payments, labels, -2, 85)
    # then each equals what counting from nothing gives
    for day, found in profiles.items():
        assert same(found, naive(payments, labels, day)), day


def test_days_computed_alone_equal_all_at_once() -> None:
    # given a history
    payments, labels = history(9)
    together = computed(payments, labels, 0, 70)
    # when days are computed one by one, then they are the same to the bit
    for number in range(0, 70, 7):
        day = FIRST + timedelta(days=number)
        assert same(computed(payments, labels, number, number)[day], together[day])


def test_a_report_on_the_day_or_later_changes_nothing() -> None:
    # given profiles of day 10
    payments, _ = history(1)
    day = FIRST + timedelta(days=10)
    without = computed(payments, [], 10, 10)[day]
    # when frauds are reported at its midnight and later, then the profiles are the same
    assert same(computed(payments, [label(1, 10), label(2, 12)], 10, 10)[day], without)
    # and when one was reported the moment before, they are not
    assert not same(computed(payments, [label(1, 10 - 1e-6)], 10, 10)[day], without)


def test_the_latest_label_before_midnight_counts() -> None:
    # given a fraud of day 3 that is taken back on day 6
    payments = [payment(number, 1) for number in range(40)]
    labels = [label(7, 3.5), label(7, 6.5, is_fraud=False, offset=1)]
    # when the profiles are computed
    profiles = computed(payments, labels, 3, 9)
    rate = PROFILE_COLUMNS.index("merchant_fraud_rate_30d")
    rates = [profile["m0"][rate] for profile in profiles.values()]
    # then it counts from day 4 to day 6
    assert [value > 0 for value in rates] == [False, True, True, True, False, False, False]


def test_nothing_known_is_nan() -> None:
    # given a fraud whose payment is not among the last 30 days, which hold none at all
    payments, labels = [payment(1, -50)], [label(1, 3.5)]
    # when the profile is computed
    values = computed(payments, labels, 5, 5)[FIRST + timedelta(days=5)]["m0"]
    # then no rate and no mean is invented
    assert values[: len(MERCHANT_WINDOWS_DAYS)] == [0.0] * len(MERCHANT_WINDOWS_DAYS)
    assert all(math.isnan(value) for value in values[len(MERCHANT_WINDOWS_DAYS) :])


def test_no_history_gives_no_profiles() -> None:
    assert computed([], [], 0, 1) == {FIRST: {}, date_of(day_number(FIRST) + 1): {}}


def frauds_by_day(labels: list[Row], days: int, last: int) -> list[int]:
    """The frauds in the merchant's window, day by day from day 2, of forty payments on day 1."""
    payments = [payment(number, 1) for number in range(40)]
    count, rate, of_all = (
        PROFILE_COLUMNS.index(name)
        for name in (f"merchant_count_{days}d", f"merchant_fraud_rate_{days}d", "merchant_fraud_rate_30d")
    )
    return [
        # The only merchant's rate of the longest window is the rate of all.
        round(one[rate] * (one[count] + MERCHANT_PRIOR_WEIGHT) - MERCHANT_PRIOR_WEIGHT * one[of_all])
        for one in (profiles["m0"] for profiles in computed(payments, labels, 2, last).values())
    ]


def test_a_fraud_counts_once_when_it_was_first_reported() -> None:
    # given a fraud that an analyst reports on day 3 and a chargeback confirms on day 6
    labels = [label(7, 3.5), label(7, 6.5, offset=1)]
    # then it is in a window once, from the first report on
    assert frauds_by_day(labels, 1, 9) == [0, 0, 1, 0, 0, 0, 0, 0]
    assert frauds_by_day(labels, 7, 13) == [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_a_fraud_that_was_revoked_and_reported_again_keeps_its_first_day() -> None:
    # given a fraud of day 3 that is revoked on day 5 and reported again on day 7
    labels = [label(7, 3.5), label(7, 5.5, is_fraud=False, offset=1), label(7, 7.5, offset=2)]
    # then it counts while its label stands, until seven days after its first report, and is never new again
    assert frauds_by_day(labels, 7, 13) == [0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0]
    assert frauds_by_day(labels, 1, 13) == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_a_report_before_its_payment_changes_no_profile() -> None:
    payments = [payment(number, 5) for number in range(40)]
    without = computed(payments, [], 0, 12)
    early = computed(payments, [label(7, 4.9)], 0, 12)
    assert all(same(early[day], without[day]) for day in without)
