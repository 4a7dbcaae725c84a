import pytest

from fraud.errors import DataError, IncompatibleModelError
from fraud.registry.aliases import CHALLENGER, promote, rollback, version_of_alias
from fraud.registry.versions import list_versions
from fraud.settings import Settings
from tests.fraud.registry.models import artifact_of, registered
from tests.fraud.training.models import a_bundle


def test_an_empty_registry_has_no_champion(registry: Settings) -> None:
    assert version_of_alias(registry) is None
    assert list_versions(registry) == []


def test_promotion_moves_the_alias_and_says_why(registry: Settings) -> None:
    # given a champion and another version
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "the first")
    # when the other is promoted
    promote(registry, second, "better by far")
    # then it is the champion, and the registry has the reason
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

    monkeypatch.setattr("fraud.registry.aliases._check_alias", fails)
    with pytest.raises(IncompatibleModelError):
        promote(registry, second, "looks good")
    assert version_of_alias(registry) == first


def test_aliases_do_not_mind_each_other(registry: Settings) -> None:
    version = registered(registry, a_bundle())
    promote(registry, version, "try it", alias=CHALLENGER)
    assert version_of_alias(registry, CHALLENGER) == version
    assert version_of_alias(registry) is None
