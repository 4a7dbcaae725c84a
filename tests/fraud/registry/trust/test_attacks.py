"""Somebody who may write to MLflow, or to its artifacts, and has no key, changes nothing that is loaded."""

from pathlib import Path

import pytest

from fraud.errors import ConfigurationError, UntrustedModelError
from fraud.registry.aliases import (
    CHALLENGER,
    CHAMPION,
    alias_target,
    load_alias,
    promote,
    rollback,
    sign_current,
    version_of_alias,
)
from fraud.registry.bundle import write_bundle
from fraud.registry.connection import mlflow_client
from fraud.registry.trust import loading
from fraud.registry.trust.loading import fetch_once_promoted, load_promoted
from fraud.registry.trust.records import record_tag
from fraud.registry.versions import version_tags
from fraud.settings import Settings
from fraud.signing.key_files import key_files, make_key_files
from tests.conftest import SettingsFactory
from tests.fraud.registry.models import artifact_of, registered
from tests.fraud.training.models import a_bundle

NAME = "fraud-detector"


@pytest.fixture
def without_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is refused may have been given to native code before."""

    def parse_bundle(*_: object) -> None:
        raise AssertionError("a model was parsed before its signature was checked")

    monkeypatch.setattr(loading, "parse_bundle", parse_bundle)
    monkeypatch.setattr(loading, "fetch_bundle", parse_bundle)


def move_by_api(settings: Settings, version: str, alias: str = CHAMPION) -> None:
    """What anybody does who reaches MLflow."""
    with mlflow_client(settings) as client:
        client.set_registered_model_alias(NAME, alias, version)


def set_tag(settings: Settings, version: str, name: str, value: str) -> None:
    with mlflow_client(settings) as client:
        client.set_model_version_tag(NAME, version, name, value)


def two_champions(settings: Settings) -> tuple[str, str]:
    """The former and the current one."""
    first, second = registered(settings, a_bundle(5)), registered(settings, a_bundle(10))
    promote(settings, first, "the first")
    promote(settings, second, "better")
    return first, second


def test_a_promotion_is_loaded_and_names_who_made_it(registry: Settings) -> None:
    version = registered(registry, a_bundle())
    promote(registry, version, "the first", by="ann")
    bundle = load_alias(registry)
    assert bundle is not None
    assert bundle.version == version
    assert '"by":"ann"' in bundle.record
    assert f'"digest":"{bundle.digest}"' in bundle.record


def test_a_version_that_nobody_promoted_is_not_loaded(registry: Settings, without_parsing: None) -> None:
    move_by_api(registry, registered(registry, a_bundle()))
    with pytest.raises(UntrustedModelError, match="is not signed as champion"):
        load_alias(registry)


def test_an_alias_that_was_moved_back_is_not_followed(
    registry: Settings, request: pytest.FixtureRequest
) -> None:
    # given a former champion, whose promotion was signed, too
    first, second = two_champions(registry)
    request.getfixturevalue("without_parsing")
    # when
    move_by_api(registry, first)
    # then
    with pytest.raises(UntrustedModelError, match="moved back to version"):
        load_alias(registry)
    # and one who has seen the newer promotion does not follow where its record was removed
    with mlflow_client(registry) as client:
        newer = version_tags(registry)[second][record_tag(CHAMPION)]
        client.delete_model_version_tag(NAME, second, record_tag(CHAMPION))
    target = alias_target(registry)
    assert target is not None
    known = loading.sequence_of(registry, newer)
    with pytest.raises(UntrustedModelError, match="moved back to version"):
        load_promoted(registry, CHAMPION, first, target.record, known)


def test_the_record_of_another_version_does_not_count(registry: Settings) -> None:
    # given a version that was never promoted
    _, second = two_champions(registry)
    third = registered(registry, a_bundle(7))
    # when it gets the champion's record and the alias
    set_tag(registry, third, record_tag(CHAMPION), version_tags(registry)[second][record_tag(CHAMPION)])
    move_by_api(registry, third)
    # then
    with pytest.raises(UntrustedModelError, match=f"has the signed record of version {second}"):
        load_alias(registry)


def test_the_record_of_another_alias_does_not_count(registry: Settings) -> None:
    # given a challenger, which was promoted to score in shadow only
    version = registered(registry, a_bundle())
    promote(registry, version, "try it", CHALLENGER)
    # when
    set_tag(registry, version, record_tag(CHAMPION), version_tags(registry)[version][record_tag(CHALLENGER)])
    move_by_api(registry, version)
    # then
    with pytest.raises(UntrustedModelError, match="as challenger"):
        load_alias(registry)


def test_files_that_were_exchanged_after_signing_are_not_parsed(
    registry: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # given another model that is complete and consistent in itself
    version = registered(registry, a_bundle(5))
    promote(registry, version, "the first")
    request.getfixturevalue("without_parsing")
    write_bundle(a_bundle(10, threshold=0.999), tmp_path / "other")
    # when its files take the place of the champion's
    folder = artifact_of(registry, version).parent
    for name in ("MLmodel", "model.ubj"):
        (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    # then neither the champion nor its explanation is loaded
    for load in (load_alias, lambda settings: fetch_once_promoted(settings, version)):
        with pytest.raises(UntrustedModelError, match="exchanged after they were signed"):
            load(registry)


def test_a_threshold_that_was_edited_after_signing_does_not_count(registry: Settings) -> None:
    version = registered(registry, a_bundle(threshold=0.5))
    promote(registry, version, "the first")
    description = artifact_of(registry, version).parent / "MLmodel"
    description.write_text(description.read_text().replace("threshold: 0.5", "threshold: 0.9"))
    with pytest.raises(UntrustedModelError, match="exchanged after they were signed"):
        load_alias(registry)


def test_a_promotion_with_a_key_that_is_not_trusted_changes_nothing(
    registry: Settings, tmp_path: Path
) -> None:
    # given somebody who has made a key of their own
    champion = registered(registry, a_bundle(5))
    promote(registry, champion, "the first")
    make_key_files(tmp_path / "own")
    own = key_files(tmp_path / "own").private
    signing = registry.signing.model_copy(update={"private_key": own})
    attacker = registry.model_copy(update={"signing": signing})
    # when they promote as we do
    with pytest.raises(UntrustedModelError, match="a key that is not trusted"):
        promote(attacker, registered(registry, a_bundle(10)), "looks good")
    # then even their own command finds the alias unusable, and ours puts things right
    with pytest.raises(UntrustedModelError):
        load_alias(registry)
    promote(registry, champion, "back to what was signed")
    assert load_alias(registry) is not None


def test_a_record_that_was_edited_does_not_count(registry: Settings) -> None:
    first, second = two_champions(registry)
    record = version_tags(registry)[first][record_tag(CHAMPION)]
    set_tag(registry, first, record_tag(CHAMPION), record.replace('"sequence":1', '"sequence":9'))
    move_by_api(registry, first)
    with pytest.raises(UntrustedModelError, match="does not match its content"):
        load_alias(registry)
    move_by_api(registry, second)
    assert load_alias(registry) is not None


def test_a_rollback_is_a_promotion_of_its_own(registry: Settings) -> None:
    first, second = two_champions(registry)
    rollback(registry, "too many alerts", by="ann")
    found = load_alias(registry)
    assert found is not None
    assert found.version == first
    # and the way forward by the API alone is closed
    move_by_api(registry, second)
    with pytest.raises(UntrustedModelError, match="moved back to version"):
        load_alias(registry)


def test_a_rollback_signs_nothing_that_was_not_promoted(registry: Settings) -> None:
    # given a version that nobody promoted, which a tag says was the champion before
    _, second = two_champions(registry)
    third = registered(registry, a_bundle(7))
    set_tag(registry, second, "previous_version", third)
    # when
    with pytest.raises(UntrustedModelError, match="never promoted"):
        rollback(registry, "too many alerts")
    # then
    assert version_of_alias(registry) == second
    assert record_tag(CHAMPION) not in version_tags(registry)[third]


def test_a_failed_promotion_signs_nothing_that_was_not_promoted(
    registry: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an alias that was moved by the API
    first, _ = two_champions(registry)
    third = registered(registry, a_bundle(7))
    move_by_api(registry, third)

    def fails(*_: object) -> None:
        raise UntrustedModelError("broken in between")

    # when a promotion fails and puts the alias back
    monkeypatch.setattr("fraud.registry.aliases._check_alias", fails)
    with pytest.raises(UntrustedModelError):
        promote(registry, first, "looks good")
    # then
    assert version_of_alias(registry) == third
    assert record_tag(CHAMPION) not in version_tags(registry)[third]


def test_a_promotion_that_fails_at_its_end_leaves_the_former_champion_trusted(
    registry: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = two_champions(registry)
    version = version_of_alias(registry)

    def fails(*_: object) -> None:
        raise UntrustedModelError("broken in between")

    with monkeypatch.context() as patch:
        patch.setattr("fraud.registry.aliases._check_alias", fails)
        with pytest.raises(UntrustedModelError):
            promote(registry, first, "looks good")
    found = load_alias(registry)
    assert found is not None
    assert found.version == version


def test_a_registry_that_is_older_than_the_key_is_signed_as_it_is(registry: Settings) -> None:
    # given aliases that were moved before there was a key
    version = registered(registry, a_bundle())
    move_by_api(registry, version)
    move_by_api(registry, version, CHALLENGER)
    with pytest.raises(UntrustedModelError, match="--sign-current"):
        load_alias(registry)
    # when
    assert sign_current(registry, "ann") == {CHAMPION: version, CHALLENGER: version}
    # then
    for alias in (CHAMPION, CHALLENGER):
        assert load_alias(registry, alias) is not None


def test_signing_without_a_key_is_one_sentence(make_settings: SettingsFactory, mlflow_db: str) -> None:
    settings = make_settings(signing={"private_key": None, "trusted_keys": ()})
    with pytest.raises(ConfigurationError, match="no key to sign with"):
        sign_current(settings)


def test_without_keys_everything_is_as_before(make_settings: SettingsFactory, mlflow_db: str) -> None:
    settings = make_settings(signing={"private_key": None, "trusted_keys": ()})
    version = registered(settings, a_bundle())
    move_by_api(settings, version)
    assert load_alias(settings) is not None
    promote(settings, version, "the first")
    assert record_tag(CHAMPION) not in version_tags(settings)[version]
