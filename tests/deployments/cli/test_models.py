"""`fraud models` and `fraud rollback` on a real registry."""

import json
from pathlib import Path

import mlflow
import pytest

from fraud.registry.aliases import load_alias, promote, version_of_alias
from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.versions import log_and_register, record_reason
from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand
from tests.fraud.signing.signed import force_alias
from tests.fraud.training.models import a_bundle


@pytest.fixture
def registry(home: Path, local_settings: Settings, mlflow_db: str) -> Settings:
    """The registry that the commands of this test use."""
    assert local_settings.home == home
    return local_settings


def registered(settings: Settings, bundle: ModelBundle) -> str:
    experiment = experiment_id(settings)
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_metrics({"test_average_precision": 0.8123, "test_recall": 0.7, "test_precision": 0.9})
        return log_and_register(settings, bundle, run.info.run_id)


def two_champions(settings: Settings) -> tuple[str, str]:
    """Versions of which the second took the alias from the first."""
    first, second = registered(settings, a_bundle(5)), registered(settings, a_bundle(10))
    promote(settings, first, "the first")
    promote(settings, second, "better beyond noise")
    return first, second


def test_an_empty_registry_says_what_makes_a_model(fraud: FraudCommand, registry: Settings) -> None:
    shown = fraud("models")
    assert shown.code == 0
    assert "no version of fraud-detector yet" in shown.out
    assert "flows/train.py" in shown.out
    assert json.loads(fraud("models", "--json").out) == []


def test_models_lists_versions_figures_and_why(
    fraud: FraudCommand, registry: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a champion, the one before it, and a candidate that the gate kept back
    monkeypatch.setenv("COLUMNS", "160")
    first, second = two_champions(registry)
    third = registered(registry, a_bundle(10))
    record_reason(registry, third, "kept version 2: [not better] beyond noise")
    # when
    shown = [line for line in fraud("models").out.splitlines() if line.strip()]
    # then the newest is first, and every line says why, word for word
    rows = {line.split()[0]: line for line in shown[2:]}
    assert list(rows) == [third, second, first]
    assert "champion" in rows[second]
    assert "champion" not in rows[first] + rows[third].replace("kept version", "")
    assert "0.812" in rows[second]
    assert "kept version 2: [not better] beyond noise" in rows[third]
    # and machines read the same
    listed = {one["version"]: one for one in json.loads(fraud("models", "--json").out)}
    assert listed[second]["aliases"] == ["champion"]
    assert listed[second]["metrics"]["test_average_precision"] == 0.8123
    assert listed[third]["reason"] == "kept version 2: [not better] beyond noise"


@pytest.mark.parametrize("columns", [140, 80, 42])
def test_models_fits_the_terminal_and_keeps_every_reason(
    fraud: FraudCommand, registry: Settings, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    # given a champion, and a candidate with a long reason
    monkeypatch.setenv("COLUMNS", str(columns))
    first, second = two_champions(registry)
    reason = "kept version 2: average precision 0.29 is not better than 0.29 beyond noise"
    record_reason(registry, first, reason)
    # when
    lines = fraud("models").out.splitlines()
    # then no line is longer, and aliases, figures and the whole reason are there
    assert max(map(len, lines)) <= columns
    words = " ".join(" ".join(lines).split())
    assert all(word in words for word in reason.split())
    row = next(line for line in lines if line.split()[:2] == [second, "champion"])
    assert "0.812" in row
    assert (" UTC " in row) == (columns >= 80)


def test_a_version_whose_run_was_deleted_is_still_listed(fraud: FraudCommand, registry: Settings) -> None:
    version = registered(registry, a_bundle())
    with mlflow_client(registry) as client:
        client.delete_run(client.get_model_version("fraud-detector", version).run_id)
    assert json.loads(fraud("models", "--json").out)[0]["version"] == version


def test_rollback_gives_the_alias_back_and_keeps_the_reason(fraud: FraudCommand, registry: Settings) -> None:
    first, second = two_champions(registry)
    done = fraud("rollback", "--reason", "too many alerts")
    assert done.code == 0, done.err
    assert f"version {first} of fraud-detector is the champion again" in done.out
    assert version_of_alias(registry) == first
    listed = {one["version"]: one for one in json.loads(fraud("models", "--json").out)}
    assert listed[first]["reason"] == f"rolled back from version {second}: too many alerts"


def test_rollback_without_a_champion_is_one_sentence(fraud: FraudCommand, registry: Settings) -> None:
    registered(registry, a_bundle())
    refused = fraud("rollback")
    assert refused.code == 4
    assert "no version with the alias 'champion'" in refused.err
    assert refused.err.count("\n") == 1


def test_rollback_in_an_empty_registry_is_one_sentence(fraud: FraudCommand, registry: Settings) -> None:
    refused = fraud("rollback")
    assert refused.code == 4
    assert "nothing to roll back" in refused.err


def test_rollback_of_the_first_champion_has_nothing_to_go_back_to(
    fraud: FraudCommand, registry: Settings
) -> None:
    version = registered(registry, a_bundle())
    promote(registry, version, "the first")
    refused = fraud("rollback")
    assert refused.code == 4
    assert "nothing to go back to" in refused.err
    assert version_of_alias(registry) == version


def test_rollback_to_a_deleted_version_leaves_the_champion(fraud: FraudCommand, registry: Settings) -> None:
    first, second = two_champions(registry)
    with mlflow_client(registry) as client:
        client.delete_model_version("fraud-detector", first)
    refused = fraud("rollback")
    assert refused.code == 4
    assert f"version {first}" in refused.err
    assert "deleted" in refused.err
    assert version_of_alias(registry) == second


def test_rollback_to_another_feature_version_leaves_the_champion(
    fraud: FraudCommand, registry: Settings
) -> None:
    # given a champion that followed one of before the features changed
    old, new = registered(registry, a_bundle(feature_version=99)), registered(registry, a_bundle())
    force_alias(registry, old)
    promote(registry, new, "the features changed")
    # when
    refused = fraud("rollback")
    # then
    assert refused.code == 5
    assert "needs feature version 99" in refused.err
    assert version_of_alias(registry) == new


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_promote_gives_a_version_the_alias_and_keeps_the_reason(
    fraud: FraudCommand, registry: Settings, alias: str
) -> None:
    two_champions(registry)
    third = registered(registry, a_bundle())
    done = fraud("promote", third, "--reason", "seen in shadow", "--as", alias)
    assert done.code == 0, done.err
    assert f"version {third} of fraud-detector is the {alias}" in done.out
    assert version_of_alias(registry, alias) == third
    assert json.loads(fraud("models", "--json").out)[0]["reason"] == "seen in shadow"


@pytest.mark.parametrize("version", ["7", "seven", "-", "1.0"])
def test_promote_of_what_is_not_there_is_one_sentence(
    fraud: FraudCommand, registry: Settings, version: str
) -> None:
    two_champions(registry)
    refused = fraud("promote", version)
    assert refused.code == 4
    assert f"has no version {version!r}" in refused.err
    assert refused.err.count("\n") == 1


def test_promote_of_a_model_that_cannot_serve_leaves_the_champion(
    fraud: FraudCommand, registry: Settings
) -> None:
    _, champion = two_champions(registry)
    refused = fraud("promote", registered(registry, a_bundle(feature_version=99)))
    assert refused.code == 5
    assert version_of_alias(registry) == champion


def test_without_mlflow_all_are_one_sentence(
    fraud: FraudCommand, registry: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_REGISTRY__TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    for command in (("models",), ("rollback",), ("promote", "1")):
        refused = fraud(*command)
        assert refused.code == 3
        assert "MLflow at http://127.0.0.1:9 failed (it does not answer)" in refused.err
        assert "secret" not in refused.err
        assert refused.err.count("\n") == 1


def test_what_has_the_aliases_is_signed_after_the_first_key_was_made(
    fraud: FraudCommand, registry: Settings
) -> None:
    # given an alias that was moved before there was a key
    version = registered(registry, a_bundle())
    with mlflow_client(registry) as client:
        client.set_registered_model_alias("fraud-detector", "champion", version)
    # when
    done = fraud("promote", "--sign-current")
    # then
    assert done.code == 0, done.err
    assert f"signed: version {version} as champion" in done.out
    bundle = load_alias(registry)
    assert bundle is not None
    assert bundle.version == version


@pytest.mark.parametrize("arguments", [(), ("1", "--sign-current")])
def test_promote_needs_a_version_or_signs_what_is_there(
    fraud: FraudCommand, registry: Settings, arguments: tuple[str, ...]
) -> None:
    refused = fraud("promote", *arguments)
    assert refused.code == 2
    assert refused.err == "error: give a VERSION, or --sign-current alone\n"
