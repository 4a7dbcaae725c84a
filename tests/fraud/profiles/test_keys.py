"""In whose profiles payments and refunds count."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, HOUR_MS
from fraud.definitions.loading import parse_definitions
from fraud.features.events import Events, encode_table
from fraud.labels.history import LabelHistory
from fraud.profiles.joined import joined_profiles
from fraud.profiles.keys import counted_keys, field_keys
from fraud.profiles.payments import ABSENT
from fraud.schema import transaction_arrow

TEXT = """\
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id}
  merchant_id: {type: id}
  amount: {type: money, currency: currency, refunds: {kind: [refund, reversal]}}
  currency: {type: currency}
  timestamp: {type: time}
  kind: {type: category, optional: true}
features:
  - {name: amount, transform: value, of: amount}
  - {name: payments, profile: merchant_id, value: count, window: 1d}
  - {name: mean, profile: merchant_id, value: amount_mean, window: 1d}
  - {name: frauds, profile: merchant_id, value: frauds, window: 1d}
"""
START = 20_200 * DAY_MS
PAID = [(100, None), (500, "payment"), (-300, None), (150, "refund"), (50, "reversal"), (200, None)]


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return parse_definitions(TEXT)


@pytest.fixture(scope="module")
def events(definitions: Definitions) -> Events:
    """Payments and refunds of one merchant, one an hour."""
    rows = [
        {"transaction_id": f"t{number}", "card_id": "card", "merchant_id": "m", "amount": amount,
         "currency": "EUR", "timestamp": START + number * HOUR_MS, "kind": kind}
        for number, (amount, kind) in enumerate(PAID)
    ]  # fmt: skip
    return encode_table(definitions, pa.Table.from_pylist(rows, transaction_arrow(definitions)))


def test_refunds_count_in_no_profile_but_have_one(definitions: Definitions, events: Events) -> None:
    # given what a payment and a refund are
    keys, counted = field_keys(definitions, events), counted_keys(definitions, events)
    assert (counted["merchant_id"] == ABSENT).tolist() == [False, False, True, True, True, False]
    assert len(np.unique(keys["merchant_id"])) == 1
    # when profiles are joined
    amounts = events.values[:, definitions.field_index["amount"]]
    # ... of which a payment, a negative amount and one of the kind refund were reported as fraud
    reported, reported_at = np.array([1, 2, 3]), START + np.array([2, 3, 4]) * HOUR_MS
    reports = LabelHistory(len(events), reported, reported_at, np.ones(3, dtype=np.bool_))
    times = events.heads["timestamp"]
    rows = joined_profiles(definitions, keys, times, amounts, reports, timedelta(), counted)
    # then payments alone have been counted, also for refunds
    assert rows[:, 0].tolist() == [0, 1, 2, 2, 2, 2]
    assert rows[2:, 1].tolist() == [300] * 4
    assert rows[-1, 2] == 1


def test_without_refunds_every_payment_counts(events: Events) -> None:
    plain = parse_definitions(TEXT.replace(", refunds: {kind: [refund, reversal]}", ""))
    assert np.array_equal(
        counted_keys(plain, events)["merchant_id"], field_keys(plain, events)["merchant_id"]
    )
