"""Whether a model's alert threshold is one that can be meant."""

import math

from fraud.errors import IncompatibleModelError
from fraud.registry.bundle import ModelBundle, describe
from fraud.settings import Settings

FLAGGED_METRIC = "flagged_share"
"""In a bundle's metrics: the share of the payments of its own test that it flags."""


def check_threshold(settings: Settings, bundle: ModelBundle) -> ModelBundle:
    """The bundle, if its threshold is a probability and it does not flag too many payments.

    A threshold of 1, which flags none, is what training chooses where no alert pays: policies may still
    decide by the model's probability, and the next training may find a better one.

    Raises:
        IncompatibleModelError: it flags every payment, or more of its own test than is allowed, or its
            threshold is no probability.
    """
    threshold = bundle.threshold
    if not math.isfinite(threshold) or not 0 < threshold <= 1:
        raise IncompatibleModelError(
            f"{describe(bundle)} has the alert threshold {threshold:g}, with which it flags every payment or "
            "which is no probability; train it with another FRAUD_TRAINING__THRESHOLD_POLICY"
        )
    share = bundle.metadata.metrics.get(FLAGGED_METRIC, 0.0)
    if not share <= settings.registry.max_flagged:
        raise IncompatibleModelError(
            f"{describe(bundle)} flags {share:.0%} of the payments of its own test, more than "
            f"{settings.registry.max_flagged:.0%}; train it again, or raise FRAUD_REGISTRY__MAX_FLAGGED"
        )
    return bundle
