"""Predictions are built by field name."""

from typing import Any

import msgspec
import pytest

from fraud.schema import Prediction
from fraud.settings import Settings
from serving.models.serving_model import prepare_model
from serving.pipeline.predictions import build_predictions, constants_of
from tests.definitions import V1
from tests.serving.world import tiny_bundle

COLUMNS: dict[str, list[Any]] = {
    "features": [None, [1.0, None]],
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
    predictions = [*build_predictions(columns, constants)]
    # then
    assert [
        {name: getattr(prediction, name) for name in Prediction.__struct_fields__}
        for prediction in predictions
    ] == [{name: values[row] for name, values in columns.items()} | constants for row in range(2)]
    assert predictions[0].model_digest == champion.bundle.digest
    assert predictions[0].challenger_digest == challenger.bundle.digest


@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS | OF_POLICIES])
def test_a_field_without_values_is_an_error(local_settings: Settings, columns: dict[str, list[Any]]) -> None:
    constants = constants_of(V1, prepare_model(V1, tiny_bundle(local_settings)), None)
    del constants["model_run"]
    with pytest.raises(KeyError, match="model_run"):
        build_predictions(columns, constants)


def test_fields_of_policies_are_there_together(local_settings: Settings) -> None:
    constants = constants_of(V1, prepare_model(V1, tiny_bundle(local_settings)), None)
    incomplete = {name: values for name, values in OF_POLICIES.items() if name != "lists"}
    with pytest.raises(KeyError, match="lists"):
        build_predictions(COLUMNS | incomplete, constants)
    # and none of them is in a message without a policy
    message = msgspec.json.encode(next(iter(build_predictions(COLUMNS, constants))))
    assert not msgspec.json.decode(message).keys() & OF_POLICIES.keys()
