"""Bounds of features: a feature of what may be negative may be negative."""

from dataclasses import replace
from math import inf

import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature, FeatureKind, Operation
from fraud.definitions.fields import Field, FieldType
from fraud.definitions.loading import SHIPPED, parse_definitions
from fraud.training.contracts.bounds import bounds
from tests.definitions import V1

FIELDS = (
    Field("balance", FieldType.MONEY, ("balance",)),
    Field("fee", FieldType.MONEY, ("fee",), lowest=0.0),
)
AMOUNT, RATIO, NUMBER = FeatureKind.AMOUNT, FeatureKind.RATIO, FeatureKind.NUMBER
FEATURES = (
    Feature("balance_sum", "", AMOUNT, Operation.SUM, ("balance",)),
    Feature("fee_sum", "", AMOUNT, Operation.SUM, ("fee",)),
    Feature("balance_ratio", "", RATIO, Operation.RATIO, ("balance",)),
    Feature("jump", "", NUMBER, Operation.SUBTRACT, ("fee_sum", "amount")),
    Feature("share", "", RATIO, Operation.DIVIDE, ("fee_sum", "amount")),
    Feature("debt", "", RATIO, Operation.DIVIDE, ("balance_sum", "amount")),
    Feature("jumps", "", RATIO, Operation.DIVIDE, ("jump", "share")),
)
DEFINITIONS: Definitions = replace(V1, fields=(*V1.fields, *FIELDS), features=(*V1.features, *FEATURES))


@pytest.mark.parametrize(
    ("name", "lowest"),
    [
        ("balance_sum", -inf),
        ("fee_sum", 0.0),
        ("balance_ratio", -inf),
        ("jump", -inf),
        ("share", 0.0),
        ("debt", -inf),
        ("jumps", -inf),
    ],
)
def test_a_feature_may_be_negative_where_an_input_may(name: str, lowest: float) -> None:
    assert bounds(DEFINITIONS, DEFINITIONS.feature_by_name[name]) == (lowest, inf)


def test_the_shipped_features_have_the_bounds_of_their_kinds() -> None:
    assert all(bounds(V1, one) == (one.kind.lowest, one.kind.highest) for one in V1.features)


REFUNDS = SHIPPED.read_text(encoding="utf-8").replace(
    "currency: currency}", "currency: currency, refunds: true}"
)


@pytest.mark.parametrize(
    ("feature", "lowest"),
    [
        ("{name: a, profile: channel, value: amount_mean, window: 7d}", -inf),
        ("{name: a, profile: channel, value: amount_ratio, window: 7d}", -inf),
        ("{name: a, profile: channel, value: amount_std, window: 7d}", 0.0),
        ("{name: a, daily_profile: merchant_id, value: amount_ratio, window: 30d}", -inf),
        ("{name: a, daily_profile: merchant_id, value: count, window: 30d}", 0.0),
    ],
)
def test_a_profile_of_refunds_may_be_negative(feature: str, lowest: float) -> None:
    definitions = parse_definitions(f"{REFUNDS}  - {feature}\n")

    assert bounds(definitions, definitions.feature_by_name["a"]) == (lowest, inf)
