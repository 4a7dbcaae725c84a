"""Drift of the newest days from the champion's training rows: features and scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, Feature
from fraud.lake import Lake
from fraud.monitoring.drift import Drift, feature_drift, ks, psi
from fraud.monitoring.inputs import reference_rows
from fraud.monitoring.moment_freshness import with_fresh_moments
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
    """Drift of all features; of those of profiles where these were as fresh as in training."""
    min_rows, definitions = settings.monitoring.min_rows, settings.loaded_definitions
    current = predictions.rows[recent]
    if len(current) < min_rows:
        notes.add(
            f"{len(current)} recent sampled predictions are too few to compute the drift of the features"
        )
        return ()
    found = _drift_of(definitions, definitions.kernel_features, reference, current)
    for profiles in _profile_kinds(settings, predictions):
        fresh = predictions.rows[recent & profiles.fresh]
        if len(fresh) >= min_rows:
            found += _drift_of(definitions, profiles.features, reference, fresh)
        elif profiles.features:
            notes.add(
                f"{len(fresh)} recent sampled predictions were made with {profiles.which}, "
                f"too few to compute the drift of {profiles.whose} features"
            )
    return tuple(sorted(found, key=lambda one: -one.psi))


@dataclass(frozen=True)
class _ProfileKind:
    """Features of one kind of profiles, and which sampled predictions had fresh ones, bool (M,)."""

    features: Sequence[Feature]
    fresh: Flags
    which: str
    whose: str


def _profile_kinds(settings: Settings, predictions: Predictions) -> tuple[_ProfileKind, _ProfileKind]:
    definitions, times = settings.loaded_definitions, predictions.timestamps[predictions.sampled]
    on_due_days = on_days_with_due_profiles(
        times, predictions.profile_dates, settings.profiles.available_after
    )
    daily = _ProfileKind(
        definitions.daily_profile_features,
        on_due_days,
        "the merchant profiles of their day",
        "the merchants'",
    )
    if not definitions.profile_features:
        return daily, _ProfileKind((), np.zeros(len(times), dtype=np.bool_), "", "")
    moments = predictions.profile_moments[predictions.sampled]
    delay, late = settings.profiles.delay, settings.monitoring.profiles_late
    fresh = with_fresh_moments(definitions, times, moments, delay, late)
    return daily, _ProfileKind(definitions.profile_features, fresh, "fresh profiles", "the profiles'")


def _drift_of(
    definitions: Definitions, chosen: Sequence[Feature], reference: Rows, current: Rows
) -> tuple[Drift, ...]:
    """Drift of some of the features, of which both have all columns."""
    names = definitions.feature_names
    columns = [names.index(feature.name) for feature in chosen]
    return feature_drift(chosen, reference[:, columns], current[:, columns])
