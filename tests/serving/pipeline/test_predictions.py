"""Predictions are built by field name."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.schema import Prediction
from fraud.settings import Settings
from serving.decisions.decision_fields import WITHOUT_POLICY
from serving.models.serving_model import prepare_model
from serving.pipeline.predictions import constants_of
from serving.prediction_columns import ABSENT, build_predictions
from tests.definitions import V1
from tests.serving.world import tiny_bundle

COLUMNS: dict[str, list[Any]] = {
    "features": [None, [1.0, None]],
    "in_feature_sample": [True, False],
    "contributions": [None, [0.5, -0.25]],
    "transaction_id": ["t1", "t2"],
    "card_id": ["c1", "c2"],
    "currency": ["EUR", "JPY"],
    "amount": [100, 200],
    "timestamp": [1, 2],
    "decision": ["approve", "review"],
    "score": [0.1, 0.9],
    "challenger_score": [None, None],
    "profile_date": ["2025-01-01", None],
    "reasons": [None, []],
    "fields": [None, {"device_id": "d1"}],
    "amount_base": [None, 2],
    "rate_date": [None, "2025-01-01"],
    "profile_moment": [None, 1_760_000_000_000],
    "profiles": [None, {"payments": 3.0, "rate": None}],
}
OF_POLICIES: dict[str, list[Any]] = {
    "policy": ["3", "3"],
    "policy_digest": ["d", "d"],
    "lists_position": [5, 5],
    "segment": [None, "travel"],
    "rules": [None, ["fast@2"]],
    "shadow_rules": [["slow@3"], None],
    "lists": [None, ["blocked"]],
    "decided_by": [None, "rule fast"],
    "would_be": [None, "decline"],
    "control_share": [None, 0.01],
    "is_sample": [True, False],
    "shadow_policy": ["4", "4"],
    "shadow_decision": ["approve", "decline"],
}


def test_predictions_have_the_values_of_their_fields_in_whatever_order(local_settings: Settings) -> None:
    # given columns in another order than the schema's, and the constants of a champion and a challenger
    champion = prepare_model(V1, tiny_bundle(local_settings))
    challenger = prepare_model(V1, tiny_bundle(local_settings, seed=1))
    constants = constants_of(V1, champion, challenger)
    # when
    columns = OF_POLICIES | COLUMNS
    messages = map(msgspec.json.encode, build_predictions(columns, constants))
    predictions = [msgspec.json.decode(one, type=Prediction) for one in messages]
    # then
    assert [
        {name: getattr(prediction, name) for name in Prediction.__struct_fields__}
        for prediction in predictions
    ] == [{name: values[row] for name, values in columns.items()} | constants for row in range(2)]
    assert predictions[0].model_digest == champion.bundle.digest
    assert predictions[0].challenger_digest == challenger.bundle.digest


def test_a_field_without_values_is_an_error(local_settings: Settings) -> None:
    constants = constants_of(V1, prepare_model(V1, tiny_bundle(local_settings)), None)
    for missing in ("model_run", "reasons", "lists"):
        columns = {**COLUMNS, **OF_POLICIES, **constants_as_columns(constants)}
        del columns[missing]
        with pytest.raises(KeyError, match=missing):
            build_predictions(columns, {})


def constants_as_columns(constants: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value, value] for name, value in constants.items()}


@given(st.sets(st.sampled_from([*OF_POLICIES, "reasons", "features", "fields", "amount_base", "profiles"])))
def test_absent_fields_change_no_message(absent: set[str]) -> None:
    # given a batch in which no prediction has some of the fields
    constants: dict[str, Any] = dict.fromkeys(Prediction.__struct_fields__[7:12], "m") | {"model_run": None}
    rest = dict.fromkeys(set(Prediction.__struct_fields__) - set(constants), ABSENT)
    columns: dict[str, Any] = {**rest, **OF_POLICIES, **COLUMNS, **dict.fromkeys(absent, ABSENT)}
    # when
    messages = [msgspec.json.encode(one) for one in build_predictions(columns, constants)]
    # then each message is that of the whole struct
    default = {one.name: one.default for one in msgspec.structs.fields(Prediction) if not one.required}
    values = [
        {name: default[name] if column is ABSENT else column[row] for name, column in columns.items()}
        for row in range(2)
    ]
    assert messages == [msgspec.json.encode(Prediction(**one, **constants)) for one in values]


def test_no_field_of_policies_is_in_a_message_without_one(local_settings: Settings) -> None:
    constants = constants_of(V1, prepare_model(V1, tiny_bundle(local_settings)), None)
    message = msgspec.json.encode(next(iter(build_predictions({**COLUMNS, **WITHOUT_POLICY}, constants))))
    assert not msgspec.json.decode(message).keys() & OF_POLICIES.keys()
    assert WITHOUT_POLICY.keys() == OF_POLICIES.keys()
