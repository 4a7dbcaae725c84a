"""Drift of the newest days from the champion's training rows: features and scores."""

import numpy as np
import numpy.typing as npt

from fraud.features.spec import DAY_MS, FEATURE_NAMES, KERNEL_FEATURES
from fraud.lake import Lake
from fraud.monitoring.drift import Drift, feature_drift, ks, psi
from fraud.monitoring.inputs import reference_rows
from fraud.monitoring.notes import Notes
from fraud.monitoring.predictions import Predictions
from fraud.monitoring.profile_freshness import on_days_with_due_profiles
from fraud.registry.bundle import ModelBundle
from fraud.settings import Settings

Rows = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def check_drift(
    settings: Settings, lake: Lake, predictions: Predictions, champion: ModelBundle | None, notes: Notes
) -> tuple[tuple[Drift, ...], Drift | None]:
    """Drift of the features, highest PSI first, and of the score; empty and None where not computable."""
    limits = settings.monitoring
    if champion is None:
        return (), None
    metadata = champion.metadata
    reference = reference_rows(
        lake, metadata.train_start, metadata.train_end, limits.window_days, limits.reference_rows
    )
    if reference is None:
        notes.add("the champion's training rows are not in the lake; there is no reference for drift")
        return (), None
    recent = predictions.timestamps > predictions.timestamps.max() - limits.drift_days * DAY_MS
    scores = predictions.scores[recent & predictions.of_model(champion)]
    features = _feature_drift(settings, reference, predictions, recent[predictions.sampled], notes)
    score: Drift | None = None
    if len(scores) >= limits.min_rows:
        trained = champion.score(reference)
        score = Drift("score", psi(trained, scores), ks(trained, scores))
    else:
        notes.add(
            f"{len(scores)} recent predictions of the champion are too few to compute the drift of the score"
        )
    return features, score


def _feature_drift(
    settings: Settings, reference: Rows, predictions: Predictions, recent: Flags, notes: Notes
) -> tuple[Drift, ...]:
    """Drift of the card's features, and of the merchant's on days with profiles as fresh as in training."""
    min_rows, merchant_start = settings.monitoring.min_rows, len(KERNEL_FEATURES)
    due = recent & on_days_with_due_profiles(
        predictions.timestamps[predictions.sampled],
        predictions.profile_dates,
        settings.profiles.available_after,
    )
    current, fresh = predictions.rows[recent], predictions.rows[due]
    found: tuple[Drift, ...] = ()
    if len(current) >= min_rows:
        names = FEATURE_NAMES[:merchant_start]
        found += feature_drift(reference[:, :merchant_start], current[:, :merchant_start], names)
    else:
        notes.add(
            f"{len(current)} recent sampled predictions are too few to compute the drift of the features"
        )
    if len(fresh) >= min_rows:
        names = FEATURE_NAMES[merchant_start:]
        found += feature_drift(reference[:, merchant_start:], fresh[:, merchant_start:], names)
    elif len(current) >= min_rows:
        notes.add(
            f"{len(fresh)} recent sampled predictions were made with the merchant profiles of their day, "
            "too few to compute the drift of the merchants' features"
        )
    return tuple(sorted(found, key=lambda one: -one.psi))
