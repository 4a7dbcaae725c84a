import time
from pathlib import Path

import mlflow
import numpy as np
import pytest

from fraud.errors import DataError, IncompatibleModelError, UnreachableError
from fraud.features.spec import FEATURE_NAMES
from fraud.registry.bundle import ModelBundle, probe_rows
from fraud.registry.mlflow_registry import (
    CHALLENGER,
    experiment_id,
    list_versions,
    load_bundle,
    log_and_register,
    mlflow_client,
    promote,
    rollback,
    version_of_alias,
)
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.training.models import a_bundle

ROWS = probe_rows(len(FEATURE_NAMES))


@pytest.fixture
def registry(local_settings: Settings, mlflow_db: str) -> Settings:
    assert local_settings.tracking_uri == mlflow_db
    return local_settings


def registered(settings: Settings, bundle: ModelBundle) -> str:
    experiment = experiment_id(settings)
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment) as run:
        return log_and_register(settings, bundle, run.info.run_id)


def artifact_of(settings: Settings, version: str) -> Path:
    """The booster's file in the artifact store."""
    with mlflow_client(settings) as client:
        source = client.get_model_version(settings.registry.model_name, version).source
    model_id = source.rpartition("/")[2]
    return next((settings.home / "mlartifacts").rglob(f"{model_id}/**/model.ubj"))


def test_an_empty_registry_has_no_champion(registry: Settings) -> None:
    assert version_of_alias(registry) is None
    assert list_versions(registry) == []


def test_a_registered_bundle_scores_as_before(registry: Settings) -> None:
    version = registered(registry, a_bundle())
    back = load_bundle(registry, version)
    assert back.version == version
    assert np.array_equal(back.score(ROWS), a_bundle().score(ROWS))
    assert version_of_alias(registry) is None


def test_promotion_moves_the_alias_and_says_why(registry: Settings) -> None:
    # given a champion and another version
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "the first")
    # when the other is promoted
    promote(registry, second, "better by far")
    # then it is the champion, and the registry tells the reason
    assert version_of_alias(registry) == second
    newest = list_versions(registry)[0]
    assert (newest.version, newest.aliases, newest.reason) == (second, ("champion",), "better by far")


def test_rollback_puts_the_previous_champion_back(registry: Settings) -> None:
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "the first")
    promote(registry, second, "better")
    assert rollback(registry, "too many alerts") == first
    assert version_of_alias(registry) == first
    assert "too many alerts" in list_versions(registry)[1].reason
    with pytest.raises(DataError, match="nothing to go back to"):
        rollback(registry, "again")


def test_a_corrupt_artifact_is_not_promoted(registry: Settings) -> None:
    # given a champion, and a version whose artifact was cut off
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "the first")
    artifact = artifact_of(registry, second)
    artifact.write_bytes(artifact.read_bytes()[:1_000])
    # when it is promoted, then it is refused and the champion stays
    with pytest.raises(IncompatibleModelError, match="checksum"):
        promote(registry, second, "looks good")
    assert version_of_alias(registry) == first


def test_the_alias_goes_back_when_the_artifact_behind_it_fails(
    registry: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "the first")

    def fails(*_: object) -> None:
        raise IncompatibleModelError("broken in between")

    monkeypatch.setattr("fraud.registry.mlflow_registry._check_alias", fails)
    with pytest.raises(IncompatibleModelError):
        promote(registry, second, "looks good")
    assert version_of_alias(registry) == first


def test_another_feature_version_is_refused(registry: Settings) -> None:
    version = registered(registry, a_bundle(feature_version=99))
    with pytest.raises(IncompatibleModelError, match="feature version 99"):
        load_bundle(registry, version)


def test_aliases_do_not_mind_each_other(registry: Settings) -> None:
    version = registered(registry, a_bundle())
    promote(registry, version, "try it", alias=CHALLENGER)
    assert version_of_alias(registry, CHALLENGER) == version
    assert version_of_alias(registry) is None


def test_an_unreachable_server_is_a_sentence_within_seconds(make_settings: SettingsFactory) -> None:
    settings = make_settings(registry={"tracking_uri": "http://user:secret@127.0.0.1:9"})
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9") as caught:
        version_of_alias(settings)
    assert time.monotonic() - began < 15
    assert "secret" not in str(caught.value)
