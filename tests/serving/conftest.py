"""Fixtures of the serving tests: settings that log every feature vector, and a registered champion."""

import pytest

from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.world import register, tiny_bundle

SERVING = {"feature_sample": 1.0, "commit_interval_s": 0.05, "snapshot_interval_s": 0}


@pytest.fixture
def serving_settings(make_settings: SettingsFactory, broker: str, mlflow_db: str) -> Settings:
    """Every vector logged, quick commits, quick polls of the registry, no snapshots."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 3, "retention_days": -1},
        serving=SERVING,
        registry={"poll_interval_s": 0.2},
    )
    create_topics(made)
    return made


@pytest.fixture
def champion(serving_settings: Settings) -> str:
    """The version of a champion in the registry."""
    return register(serving_settings, tiny_bundle(serving_settings))
