import numpy as np
import pytest

from fraud.training.calibration import (
    Identity,
    Isotonic,
    Platt,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    log_loss,
)


def sample(truth: Platt | None = None, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    margin = random.normal(-2.0, 2.0, count)
    probability = truth.apply(margin) if truth else np.where(margin > 0, 0.6, 0.02)
    return margin, (random.random(count) < probability).astype(np.int8)


def test_platt_finds_the_curve() -> None:
    truth = Platt(slope=0.6, intercept=-1.0)
    found = fit_platt(*sample(truth))
    assert (found.slope, found.intercept) == pytest.approx((0.6, -1.0), abs=0.08)


def test_a_logistic_curve_is_left_to_platt() -> None:
    assert isinstance(fit_calibration(*sample(Platt(slope=0.6, intercept=-1.0))), Platt)


def test_a_step_is_left_to_isotonic() -> None:
    margin, labels = sample()
    found = fit_calibration(margin, labels)
    assert isinstance(found, Isotonic)
    assert log_loss(labels, found.apply(margin)) < log_loss(labels, Identity().apply(margin))


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_the_ranking_stays(fit: object) -> None:
    # given margins as close as float32 has them
    margin, labels = sample()
    calibration = fit(margin, labels)  # type: ignore[operator]
    close = np.unique(margin.astype(np.float32)).astype(np.float64)
    # then no two of them are tied or swapped, even on plateaus
    assert (np.diff(calibration.apply(close)) > 0).all()


def test_one_class_leaves_the_booster_alone() -> None:
    assert isinstance(fit_calibration(np.arange(5.0), np.zeros(5, dtype=np.int8)), Identity)
