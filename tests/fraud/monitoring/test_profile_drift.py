"""Drift of the features of profiles: computed where the profiles were as fresh as in training."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS, FEATURE_VERSION
from fraud.ingest.commits import day_of
from fraud.lake import Lake, open_lake
from fraud.monitoring.champion_drift import check_drift
from fraud.monitoring.notes import Notes
from fraud.monitoring.predictions import MonitoredPrediction, to_columns
from fraud.preprocess.days import DayManifest, day_folder, features_dataset, write_day
from fraud.profiles.moments import due_moments
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.definitions import PROFILED, PROFILED_FILE
from tests.fraud.training.models import a_bundle

START_MS = 20_000 * DAY_MS
COUNT = 4_000
SHIFTED = PROFILED.feature_names.index("device_payments_1d")
PROFILES = {one.name for one in PROFILED.profile_features}

Rows = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture
def profiled(make_settings: SettingsFactory) -> Settings:
    return make_settings(definitions=PROFILED_FILE)


@pytest.fixture
def lake(profiled: Settings) -> Lake:
    """The champion's training rows."""
    lake, day = open_lake(profiled), day_of(START_MS)
    path = f"{day_folder(features_dataset(PROFILED), day)}/part-0.parquet"
    lake.write_table(pa.table(list(vectors(1).T), names=list(PROFILED.feature_names)), path)
    write_day(lake, features_dataset(PROFILED), DayManifest(day, "test", [path], COUNT))
    return lake


def vectors(seed: int) -> Rows:
    generator = np.random.default_rng(seed)
    return generator.lognormal(1, 1, (COUNT, len(PROFILED.features))).astype(np.float32)


def drift(settings: Settings, lake: Lake, rows: Rows, *, stale: int) -> tuple[dict[str, float], list[str]]:
    """PSI of predictions with these features; the first `stale` had the profiles of a week before."""
    times = START_MS + 5 * DAY_MS + np.arange(COUNT) * 1_000
    every_ms = PROFILED.profile_every_ms
    moments = due_moments(times, every_ms, settings.profiles.delay) * every_ms
    moments[:stale] -= 7 * DAY_MS
    scored = [
        MonitoredPrediction(
            f"t{number}", "card", int(times[number]), 0.1, "approve", "1", FEATURE_VERSION,
            features=[None if np.isnan(value) else float(value) for value in rows[number]],
            definitions=PROFILED.digest, profile_moment=int(moments[number]),
        )
        for number in range(COUNT)
    ]  # fmt: skip
    trained, notes = datetime.fromtimestamp(START_MS / 1_000, UTC), Notes()
    champion = a_bundle(definitions=PROFILED, train_start=trained, train_end=trained + timedelta(days=1))
    features, _ = check_drift(
        settings, lake, to_columns(PROFILED, scored), replace(champion, version="1"), notes
    )
    return {one.name: one.psi for one in features}, notes.sentences


def test_a_feature_of_a_profile_drifts_like_any_other(profiled: Settings, lake: Lake) -> None:
    # given predictions in which one feature of a profile is far higher
    rows = vectors(2)
    rows[:, SHIFTED] *= 10
    found, _ = drift(profiled, lake, rows, stale=0)
    # then it alone has drifted
    assert found.keys() > PROFILES
    assert {name for name, psi in found.items() if psi > profiled.monitoring.psi} == {"device_payments_1d"}


def test_stale_profiles_are_no_drift(profiled: Settings, lake: Lake) -> None:
    # given predictions of which three quarters had stale profiles, and so other features
    rows = vectors(2)
    rows[:3_000, SHIFTED] *= 10
    found, _ = drift(profiled, lake, rows, stale=3_000)
    # then the others show that nothing has drifted
    assert max(found.values()) < 0.1


def test_too_few_fresh_profiles_are_said(profiled: Settings, lake: Lake) -> None:
    found, notes = drift(profiled, lake, vectors(2), stale=COUNT - 10)
    assert not PROFILES & found.keys()
    assert any("10 recent sampled predictions were made with fresh profiles" in one for one in notes)
