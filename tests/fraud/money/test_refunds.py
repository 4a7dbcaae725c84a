"""Refunds and reversals: recognised by one rule, answered like payments, counted on request."""

import json

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, FeatureKind
from fraud.definitions.loading import parse_definitions
from fraud.errors import DefinitionsError
from fraud.features.decoded_batch import decode_batch
from fraud.features.events import encode_table
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.money.tables import counted_payments
from fraud.schema import transaction_arrow
from fraud.settings import AdmissionSettings

START = 20_200 * DAY_MS
FIELDS = """\
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id}
  merchant_id: {type: id}
  amount: {type: money, currency: currency, refunds: {kind: [refund, reversal]}}
  currency: {type: currency}
  timestamp: {type: time}
  kind: {type: category, optional: true, path: event.kind}
features:
"""
FEATURES = """\
  - {name: payments, aggregate: count, window: 30d}
  - {name: small, aggregate: count, where: {amount: {at_most: 2.00}}, window: 30d}
  - {name: spent, aggregate: sum, of: amount, window: 30d}
  - {name: net, aggregate: sum, of: amount, window: 30d, refunds: with}
  - {name: events, aggregate: count, window: 30d, refunds: with}
  - {name: refunds, aggregate: count, window: 30d, refunds: only}
  - {name: small_share, aggregate: share, where: {amount: {at_most: 2.00}}, window: 30d}
"""
DEFINITIONS = parse_definitions(FIELDS + FEATURES)
PAID = [("1.00", None), ("5.00", "payment"), ("-3.00", None), ("1.50", "refund"), ("0.50", "reversal")]


def messages() -> list[bytes]:
    return [
        json.dumps(
            {
                "transaction_id": f"t{number}", "card_id": "c", "merchant_id": "m", "amount": amount,
                "currency": "EUR", "timestamp": START + number, **({"event": {"kind": kind}} if kind else {}),
            }
        ).encode()
        for number, (amount, kind) in enumerate(PAID)
    ]  # fmt: skip


def table() -> pa.Table:
    rows = [
        {
            "transaction_id": f"t{number}", "card_id": "c", "merchant_id": "m", "currency": "EUR",
            "amount": round(float(amount) * 100), "timestamp": START + number, "kind": kind,
        }
        for number, (amount, kind) in enumerate(PAID)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, transaction_arrow(DEFINITIONS))


def last_features(definitions: Definitions) -> dict[str, float]:
    admission = AdmissionFilter(definitions, AdmissionSettings())
    batch = decode_batch(admission, messages(), np.full(len(PAID), START + DAY_MS))
    assert not batch.refused
    features, _ = CardStore(definitions).process(batch.events)
    # and the lake's rows have the same
    from_lake, _ = CardStore(definitions).process(encode_table(definitions, table()))
    np.testing.assert_array_equal(features, from_lake)
    return dict(zip(definitions.feature_names, features[-1].tolist(), strict=True))


def test_refunds_do_not_count_unless_a_feature_includes_them() -> None:
    assert last_features(DEFINITIONS) == {
        "payments": 2, "small": 1, "spent": 600, "net": 500, "events": 5, "refunds": 3, "small_share": 0.5
    }  # fmt: skip


def test_only_what_may_include_refunds_may_be_below_zero() -> None:
    kinds = {one.name: one.kind for one in DEFINITIONS.features}
    assert (kinds["spent"], kinds["net"]) == (FeatureKind.AMOUNT, FeatureKind.SIGNED_AMOUNT)
    texts = {one.name: one.text for one in DEFINITIONS.features}
    assert (texts["payments"], texts["refunds"], texts["spent"], texts["net"]) == (
        "payments in 30 days", "payments that are refunds in 30 days", "spent in 30 days",
        "spent in 30 days, with refunds",
    )  # fmt: skip


def test_merchants_profiles_count_payments_only() -> None:
    assert counted_payments(DEFINITIONS, table())["transaction_id"].to_pylist() == ["t0", "t1"]


def test_a_feature_is_another_one_when_refunds_are_recognised_otherwise() -> None:
    # given features of other rules
    by_sign, other = (
        parse_definitions(FIELDS.replace("{kind: [refund, reversal]}", rule) + FEATURES)
        for rule in ("true", "{kind: [refund]}")
    )
    # then all have another hash, but for those that include every refund
    for one in (by_sign, other):
        changed = {
            feature.name
            for feature in one.features
            if feature.hash != DEFINITIONS.feature_by_name[feature.name].hash
        }
        assert changed == {"payments", "small", "spent", "refunds", "small_share"}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("{kind: []}", "no value of kind is given; list them: {kind: [refund, reversal]}"),
        ("{kin: [refund]}", "the field kin does not exist; did you mean kind?"),
        ("{merchant_id: [m]}", "refunds are named by a category, not by merchant_id, an id"),
        ("{kind: [a], merchant_id: [b]}", "kinds are named by one field"),
        ("{kind: [a, a]}", "one_of of kind has a value twice"),
        ("yes", "refunds"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: str, sentence: str) -> None:
    with pytest.raises(DefinitionsError, match=r"definitions\.yaml:6: ") as caught:
        parse_definitions(FIELDS.replace("{kind: [refund, reversal]}", rule) + FEATURES)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "feature", "sentence"),
    [
        (FIELDS.replace(", refunds: {kind: [refund, reversal]}", ""), "aggregate: count, window: 1h",
         "feature one: the definitions have no refunds; remove it, or add refunds: true to the field amount"),
        (FIELDS, "transform: value, of: amount", "refunds does not fit what is no aggregate; remove it"),
    ],
)  # fmt: skip
def test_a_feature_that_cannot_have_refunds_is_refused(fields: str, feature: str, sentence: str) -> None:
    with pytest.raises(DefinitionsError) as caught:
        parse_definitions(f"{fields}  - {{name: one, {feature}, refunds: only}}\n")
    assert sentence in str(caught.value)
