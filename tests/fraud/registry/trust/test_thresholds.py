"""A model that flags every payment, or far too many, is neither promoted nor loaded."""

from dataclasses import replace

import pytest

from fraud.errors import IncompatibleModelError
from fraud.registry.aliases import load_alias, promote, version_of_alias
from fraud.registry.promotion import decide_promotion
from fraud.registry.trust.thresholds import FLAGGED_METRIC, check_threshold
from fraud.settings import Promotion, Settings
from fraud.training.splits import Split, TimeRange
from tests.fraud.registry.models import registered
from tests.fraud.signing.signed import force_alias
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import dataset


def test_a_threshold_that_flags_every_payment_is_refused(registry: Settings) -> None:
    # given
    champion = registered(registry, a_bundle())
    promote(registry, champion, "the first")
    version = registered(registry, a_bundle(threshold=0.0))
    # when it is promoted, or has got the alias somehow, signed by a former release
    with pytest.raises(IncompatibleModelError, match="every payment"):
        promote(registry, version, "looks good")
    assert version_of_alias(registry) == champion
    force_alias(registry, version)
    # then it is not loaded
    with pytest.raises(IncompatibleModelError, match="every payment"):
        load_alias(registry)


@pytest.mark.parametrize("promotion", ["auto", "always", "challenger"])
def test_the_gate_says_so_and_promotes_nothing(registry: Settings, promotion: Promotion) -> None:
    period = TimeRange(0, 1)
    split = Split(period, period, period, period)
    decision = decide_promotion(registry, dataset(), split, a_bundle(threshold=0.0), promotion)
    assert not decision.promote
    assert "every payment" in decision.reason


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -0.5, 1.5])
def test_a_threshold_that_is_no_probability_is_refused(local_settings: Settings, threshold: float) -> None:
    bundle = a_bundle()
    forged = replace(bundle, metadata=bundle.metadata.model_copy(update={"threshold": threshold}))
    with pytest.raises(IncompatibleModelError, match="every payment"):
        check_threshold(local_settings, forged)


def test_a_threshold_that_training_chooses_where_no_alert_pays_is_taken(registry: Settings) -> None:
    version = registered(registry, a_bundle(threshold=1.0))
    promote(registry, version, "the first")
    found = load_alias(registry)
    assert found is not None
    assert found.threshold == 1.0


@pytest.mark.parametrize("threshold", [float("nan"), float("inf")])
def test_metadata_with_such_a_threshold_are_not_read(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        a_bundle(threshold=threshold)


@pytest.mark.parametrize("share", [0.51, 1.0, float("nan")])
def test_a_model_that_flags_too_many_of_its_own_test_is_refused(
    local_settings: Settings, share: float
) -> None:
    check_threshold(local_settings, a_bundle(metrics={FLAGGED_METRIC: 0.5}))
    with pytest.raises(IncompatibleModelError, match="FRAUD_REGISTRY__MAX_FLAGGED"):
        check_threshold(local_settings, a_bundle(metrics={FLAGGED_METRIC: share}))
