"""Drift of the newest days from the champion's training rows: features and scores."""

import numpy as np
import numpy.typing as npt

from fraud.definitions.features import DAY_MS
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
    definitions, training = settings.loaded_definitions, (metadata.train_start, metadata.train_end)
    reference = reference_rows(definitions, lake, *training, limits.window_days, limits.reference_rows)
    if reference is None:
        notes.add("the champion's training rows are not in the lake; there is no reference for drift")
        return (), None
    recent = predictions.timestamps > predictions.timestamps.max() - limits.drift_days * DAY_MS
    scores = predictions.scores[recent & predictions.of_model(champion)]
    features = _feature_drift(settings, reference, predictions, recent[predictions.sampled], notes)
    score: Drift | None = None
    if len(scores) >= limits.min_rows:
        trained = champion.score(champion.select(definitions, reference))
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
    min_rows, definitions = settings.monitoring.min_rows, settings.loaded_definitions
    kernel = len(definitions.kernel_features)
    due = recent & on_days_with_due_profiles(
        predictions.timestamps[predictions.sampled],
        predictions.profile_dates,
        settings.profiles.available_after,
    )
    current, fresh = predictions.rows[recent], predictions.rows[due]
    found: tuple[Drift, ...] = ()
    if len(current) >= min_rows:
        found += feature_drift(definitions.kernel_features, reference[:, :kernel], current[:, :kernel])
    else:
        notes.add(
            f"{len(current)} recent sampled predictions are too few to compute the drift of the features"
        )
    if len(fresh) >= min_rows:
        found += feature_drift(definitions.daily_profile_features, reference[:, kernel:], fresh[:, kernel:])
    elif len(current) >= min_rows:
        notes.add(
            f"{len(fresh)} recent sampled predictions were made with the merchant profiles of their day, "
            "too few to compute the drift of the merchants' features"
        )
    return tuple(sorted(found, key=lambda one: -one.psi))
