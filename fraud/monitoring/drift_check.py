"""The newest days against the champion's training rows: its features, and its scores."""

import numpy as np
import numpy.typing as npt

from fraud.features.spec import DAY_MS, FEATURE_NAMES, KERNEL_FEATURES
from fraud.lake import Lake
from fraud.monitoring.drift import Drift, feature_drift, ks, psi
from fraud.monitoring.inputs import reference_rows
from fraud.monitoring.notes import Notes
from fraud.monitoring.predictions import Predictions
from fraud.monitoring.profile_freshness import on_days_with_own_profiles
from fraud.registry.bundle import ModelBundle
from fraud.settings import Settings

Rows = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def judge_drift(
    settings: Settings, lake: Lake, predictions: Predictions, champion: ModelBundle | None, notes: Notes
) -> tuple[tuple[Drift, ...], Drift | None]:
    """Of the features, the farthest first, and of the score; empty and None where it cannot be judged."""
    limits = settings.monitoring
    if champion is None:
        return (), None
    about = champion.metadata
    reference = reference_rows(
        lake, about.train_start, about.train_end, limits.window_days, limits.reference_rows
    )
    if reference is None:
        notes.add("the champion's training rows are not in the lake; drift has no reference")
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
            f"{len(scores)} recent predictions of the champion are too few to judge the score's drift by"
        )
    return features, score


def _feature_drift(
    settings: Settings, reference: Rows, predictions: Predictions, recent: Flags, notes: Notes
) -> tuple[Drift, ...]:
    """Of the card's features, and of the merchant's where they are of an age with the reference's."""
    fewest, merchants = settings.monitoring.min_rows, len(KERNEL_FEATURES)
    own = recent & on_days_with_own_profiles(
        predictions.timestamps[predictions.sampled],
        predictions.profile_dates,
        settings.profiles.available_after,
    )
    current, fresh = predictions.rows[recent], predictions.rows[own]
    found: tuple[Drift, ...] = ()
    if len(current) >= fewest:
        names = FEATURE_NAMES[:merchants]
        found += feature_drift(reference[:, :merchants], current[:, :merchants], names)
    else:
        notes.add(f"{len(current)} recent sampled predictions are too few to judge the features' drift by")
    if len(fresh) >= fewest:
        names = FEATURE_NAMES[merchants:]
        found += feature_drift(reference[:, merchants:], fresh[:, merchants:], names)
    elif len(current) >= fewest:
        notes.add(
            f"{len(fresh)} recent sampled predictions were made with the merchants' profiles of their day, "
            "too few to judge the drift of the merchants' features by"
        )
    return tuple(sorted(found, key=lambda one: -one.psi))
