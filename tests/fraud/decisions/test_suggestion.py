"""A policy to start from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.policy import Band
from fraud.decisions.suggestion import DeclineBound, find_decline_bound, suggest_policy
from fraud.training.thresholds import LEAST_ALERTS
from tests.definitions import V1
from tests.fraud.training.models import a_bundle


def test_a_suggestion_is_the_default_policy_with_the_threshold_of_the_model() -> None:
    # given a model
    model = a_bundle()
    # when a policy is suggested
    text = suggest_policy(model)
    # then it differs from the default one in its band, and says why
    policy = parse_policy(V1, text)
    [segment] = policy.segments
    [band] = segment.bands
    assert band.outcome == "review"
    assert band.lower == pytest.approx(model.metadata.threshold, rel=1e-5)
    assert policy.lists == default_policy(V1).lists
    assert model.metadata.policy_reason in text


def test_a_bound_for_decline_is_added_above_the_threshold() -> None:
    model = a_bundle()
    bound = DeclineBound(0.987, "19 of 20 were fraud")
    segment = parse_policy(V1, suggest_policy(model, bound)).segments[-1]
    assert Band("decline", 0.987) in segment.bands
    # and not below it, where nothing would be left to review
    assert (
        "decline:" not in suggest_policy(model, DeclineBound(model.metadata.threshold, "")).split("bands:")[1]
    )


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_the_bound_is_the_lowest_with_the_precision(seed: int, precision: float) -> None:
    # given scores that say something of the fraud
    random = np.random.default_rng(seed)
    scores = np.round(random.random(200), 2)
    fraud = (random.random(200) < scores).astype(np.float64)
    found = find_decline_bound(scores, fraud, np.ones(200), precision)
    # when each bound is tried
    good = [
        bound
        for bound in np.unique(scores)
        if (scores >= bound).sum() >= LEAST_ALERTS and fraud[scores >= bound].mean() >= precision - 1e-12
    ]
    # then it is the lowest that has the precision on enough payments
    assert (None if found is None else found.lower) == (min(good) if good else None)


def test_without_payments_there_is_no_bound() -> None:
    nothing = np.empty(0)
    assert find_decline_bound(nothing, nothing, nothing, 0.5) is None
