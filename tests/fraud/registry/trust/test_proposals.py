"""Promotion by two people."""

import pytest

from fraud.errors import ConfigurationError, DataError
from fraud.registry.aliases import CHALLENGER, load_alias, promote, rollback, version_of_alias
from fraud.registry.connection import mlflow_client
from fraud.registry.versions import list_versions, version_tags
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.registry.models import registered
from tests.fraud.training.models import a_bundle


@pytest.fixture
def registry(make_settings: SettingsFactory, mlflow_db: str) -> Settings:
    """A registry in which two people must promote."""
    return make_settings(registry={"approvals": 1})


def test_the_first_person_changes_nothing_and_the_second_one_promotes(registry: Settings) -> None:
    version = registered(registry, a_bundle())
    # when
    assert not promote(registry, version, "better", by="ann")
    # then
    assert version_of_alias(registry) is None
    assert list_versions(registry)[0].reason == (
        "ann asks for it as champion: better; another person must promote it, too"
    )
    # when
    assert promote(registry, version, "agreed", by="bob")
    # then the signed record has both
    bundle = load_alias(registry)
    assert bundle is not None
    assert '"by":"bob","proposed_by":"ann"' in bundle.record


@pytest.mark.parametrize("again", ["ann", "ANN", "\uff41nn"])
def test_the_same_person_cannot_approve(registry: Settings, again: str) -> None:
    version = registered(registry, a_bundle())
    promote(registry, version, "better", by="ann")
    with pytest.raises(DataError, match="another person must approve"):
        promote(registry, version, "really", by=again)
    assert version_of_alias(registry) is None


def test_a_wish_for_another_version_or_alias_is_no_approval(registry: Settings) -> None:
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "better", by="ann")
    assert not promote(registry, second, "better", by="bob")
    assert not promote(registry, first, "better", CHALLENGER, by="bob")
    assert version_of_alias(registry) is None


@pytest.mark.parametrize("kind", ["unsigned", "moved"])
def test_a_wish_that_somebody_without_a_key_wrote_is_none(registry: Settings, kind: str) -> None:
    # given a tag that says ann asked, written through MLflow
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "better", by="ann")
    tag = "promotion_proposal.champion"
    signed = version_tags(registry)[first][tag]
    forged = signed if kind == "moved" else f"- {signed.partition(' ')[2]}"
    target = second if kind == "moved" else first
    with mlflow_client(registry) as client:
        client.set_model_version_tag("fraud-detector", target, tag, forged)
    # when bob asks, then he is the first
    assert not promote(registry, target, "looks good", by="bob")
    assert version_of_alias(registry) is None


def test_a_wish_is_over_once_the_alias_has_moved(registry: Settings) -> None:
    # given a version that two people promoted, and another one after it
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    promote(registry, first, "better", by="ann")
    tag = "promotion_proposal.champion"
    wish = version_tags(registry)[first][tag]
    promote(registry, first, "agreed", by="bob")
    for by in ("ann", "bob"):
        promote(registry, second, "better still", by=by)
    # when bob puts ann's former wish back, and asks for the first version again
    with mlflow_client(registry) as client:
        client.set_model_version_tag("fraud-detector", first, tag, wish)
    # then he is the first to ask
    assert not promote(registry, first, "back", by="bob")
    assert version_of_alias(registry) == second


def test_nobody_promotes_without_a_name(registry: Settings) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_REGISTRY__APPROVALS"):
        promote(registry, registered(registry, a_bundle()), "better")


def test_a_rollback_takes_one_person(registry: Settings) -> None:
    first, second = registered(registry, a_bundle(5)), registered(registry, a_bundle(10))
    for version in (first, second):
        promote(registry, version, "better", by="ann")
        promote(registry, version, "agreed", by="bob")
    assert rollback(registry, "too many alerts", by="ann") == first
    assert version_of_alias(registry) == first
