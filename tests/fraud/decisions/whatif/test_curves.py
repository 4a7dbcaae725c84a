"""The curve of a segment: each point against counting."""

import numpy as np
import pytest

from fraud.decisions.policy import Band, Segment
from fraud.decisions.whatif.curves import POINTS, band_curves
from fraud.decisions.whatif.parts import DecidedAgain
from tests.fraud.decisions.whatif.histories import band_outcomes, decided, history, policy

COUNT = 2_000


def test_a_point_is_what_its_bound_would_give() -> None:
    # given payments, of which lists and rules decide some
    payments, again = history(COUNT), DecidedAgain(policy(), decided(COUNT), band_outcomes(COUNT))
    # when the curve is drawn
    [curve] = band_curves(payments, again)
    # then each point is what the payments from its bound on have
    by_bands = again.decided.decided_by == -1
    for point in curve.points:
        chosen = by_bands & (payments.logged.scores >= point.bound)
        below = by_bands & (payments.logged.scores < point.bound)
        assert point.alerts == pytest.approx(chosen.sum() / 3)
        assert point.recall == pytest.approx(payments.fraud[chosen].sum() / payments.fraud[by_bands].sum())
        assert point.saved == pytest.approx((payments.fraud * payments.units)[chosen].sum())
        assert point.lost == pytest.approx((payments.fraud * payments.units)[below].sum())
        assert point.wrongly == pytest.approx((payments.legitimate * payments.units)[chosen].sum())
        known = payments.labels.weights[chosen].sum()
        if known:
            assert point.precision == pytest.approx(payments.fraud[chosen].sum() / known)
    assert curve.bounds == {"review": 0.5, "decline": 0.9}
    assert POINTS / 2 < len(curve.points) <= POINTS
    assert [one.bound for one in curve.points] == sorted((one.bound for one in curve.points), reverse=True)


def test_the_bound_of_the_model_is_its_threshold_and_an_expected_cost_has_money() -> None:
    # given bands by expected cost, with the model's threshold beside
    bands = (Band("review", "model"), Band("decline", 100.0))
    tried = policy(segments=(Segment("default", None, "expected_cost", bands),))
    # when the curve is drawn
    [curve] = band_curves(history(COUNT), DecidedAgain(tried, decided(COUNT), band_outcomes(COUNT)))
    # then the bounds of its points are amounts
    assert curve.bounds == {"review": 0.5, "decline": 100.0}
    assert curve.points[0].bound > 100


def test_a_segment_without_payments_has_no_curve() -> None:
    tried = policy(segments=(Segment("none", "FALSE", "probability", ()), *policy().segments))
    again = DecidedAgain(tried, decided(COUNT), band_outcomes(COUNT))
    object.__setattr__(again.decided, "segments", np.ones(COUNT, dtype=np.uint8))
    assert [curve.segment for curve in band_curves(history(COUNT), again)] == ["default"]
