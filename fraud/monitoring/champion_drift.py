"""Drift of the newest days from the champion's training rows: features and scores."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, Feature
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
    """Drift of all features; of the merchant's daily ones on days with profiles as fresh as in training."""
    min_rows, definitions = settings.monitoring.min_rows, settings.loaded_definitions
    daily = definitions.daily_profile_features
    others = [feature for feature in definitions.features if not feature.is_daily_profile]
    due = recent & on_days_with_due_profiles(
        predictions.timestamps[predictions.sampled],
        predictions.profile_dates,
        settings.profiles.available_after,
    )
    current, fresh = predictions.rows[recent], predictions.rows[due]
    found: tuple[Drift, ...] = ()
    if len(current) >= min_rows:
        found += _drift_of(definitions, others, reference, current)
    else:
        notes.add(
            f"{len(current)} recent sampled predictions are too few to compute the drift of the features"
        )
    if len(fresh) >= min_rows:
        found += _drift_of(definitions, daily, reference, fresh)
    elif daily and len(current) >= min_rows:
        notes.add(
            f"{len(fresh)} recent sampled predictions were made with the merchant profiles of their day, "
            "too few to compute the drift of the merchants' features"
        )
    return tuple(sorted(found, key=lambda one: -one.psi))


def _drift_of(
    definitions: Definitions, chosen: Sequence[Feature], reference: Rows, current: Rows
) -> tuple[Drift, ...]:
    """Drift of some of the features, of which both have all columns."""
    names = definitions.feature_names
    columns = [names.index(feature.name) for feature in chosen]
    return feature_drift(chosen, reference[:, columns], current[:, columns])
