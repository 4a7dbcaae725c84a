"""Champion and challenger of two definitions in one engine, and a model that nobody can serve."""

import numpy as np
import pytest

from fraud.settings import Settings, load_settings
from tests.definitions import EXTENDED, EXTENDED_FILE
from tests.serving.offline import mismatches
from tests.serving.world import (
    disorderly,
    predictions,
    register,
    running,
    send,
    tiny_bundle,
    wait_for,
    wait_for_predictions,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def extended(serving_settings: Settings) -> Settings:
    """The serving settings with the extended definitions."""
    serving = serving_settings.serving.model_dump() | {"shadow": True, "feature_sample": 1.0}
    changes = {"definitions": EXTENDED_FILE, "serving": serving}
    return load_settings(**serving_settings.model_dump() | changes)


def test_models_of_two_definitions_score_the_same_payments(
    serving_settings: Settings, extended: Settings, champion: str
) -> None:
    # given a champion of the shipped definitions and a challenger of more features
    old, new = tiny_bundle(serving_settings), tiny_bundle(extended, seed=3)
    challenger = register(extended, new, alias="challenger")
    events = disorderly(200)
    # when an engine of the larger definitions scores
    with running(extended) as engine:
        wait_for(lambda: engine.engine._models.challenger)
        send(extended, events)
        wait_for_predictions(extended, len({one["transaction_id"] for one in events}))
    # then both score, each of its own features in its own order
    found = predictions(extended)
    assert {(one.model_version, one.challenger_version) for one in found} == {(champion, challenger)}
    assert mismatches(extended, found) == []
    rows = np.array([one.features for one in found], dtype=np.float32)
    scores, shadow = ([getattr(one, name) for one in found] for name in ("score", "challenger_score"))
    np.testing.assert_allclose(scores, old.score(old.select(EXTENDED, rows)), atol=1e-6)
    np.testing.assert_allclose(shadow, new.score(rows), atol=1e-6)


def test_a_model_that_wants_more_than_is_computed_is_refused(
    serving_settings: Settings, extended: Settings, champion: str
) -> None:
    # given an engine of the shipped definitions
    with running(serving_settings) as engine:
        send(serving_settings, disorderly(20))
        wait_for(lambda: predictions(serving_settings))
        # when the alias moves to a model of more features
        register(extended, tiny_bundle(extended, seed=3))
        wait_for(lambda: b"fraud_models_refused_total 1.0" in engine.metrics.exposition())
        before = len(predictions(serving_settings))
        send(serving_settings, disorderly(20, start=1_000))
        wait_for(lambda: len(predictions(serving_settings)) > before)
    # then the one before goes on
    assert {one.model_version for one in predictions(serving_settings)} == {champion}
