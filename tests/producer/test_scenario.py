"""Scenarios: what comes with the package, what a user's file may say, what is refused."""

from pathlib import Path

import pytest

from fraud.errors import ConfigurationError
from producer.scenario import CURRENT, load_scenario, scenario_names, scenario_versions


def test_every_scenario_of_the_package_is_valid() -> None:
    assert scenario_names() == ["default", "demo", "drift", "small"]
    for name in scenario_names():
        assert load_scenario(name).cards > 0


def test_a_name_without_a_version_is_of_the_current_one() -> None:
    for name in scenario_names():
        assert load_scenario(name) == load_scenario(f"{CURRENT}/{name}")


@pytest.mark.parametrize("version", scenario_versions())
def test_a_scenario_extends_those_of_its_own_version(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # given another current version, which has the same names
    kept = load_scenario(f"{version}/demo")
    monkeypatch.setattr("producer.scenario.CURRENT", "none")

    assert load_scenario(f"{version}/demo") == kept


def test_the_second_version_adds_three_sections_to_the_first() -> None:
    # given the parameters whose absence means what the first version does
    added = ("turnover", "thieves", "blocks")
    for name in scenario_names("v1"):
        first, second = load_scenario(f"v1/{name}"), load_scenario(f"v2/{name}")
        # when, then
        assert all(getattr(first, one) is None for one in added)
        assert all(getattr(second, one) is not None for one in added)
        assert second.model_copy(update=dict.fromkeys(added)) == first
    assert scenario_names("v2") == scenario_names("v1")


def test_a_file_names_only_what_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("extends: small\ncards: 77\nlabels: {never: 0.5}\n")

    scenario = load_scenario(str(file))

    assert scenario.cards == 77
    assert scenario.labels.never == 0.5
    assert scenario.labels.median_days == load_scenario("small").labels.median_days


def test_an_override_wins_and_none_is_no_override() -> None:
    assert load_scenario("small", cards=50, merchants=None).cards == 50
    assert load_scenario("small", merchants=None).merchants == load_scenario("small").merchants


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("extends: small\ncards: 0\n", "cards: Input should be greater than or equal to 1"),
        ("extends: small\nlabels: {never: 2}\n", "labels.never"),
        ("extends: small\ncrads: 3\n", "crads: Extra inputs are not permitted"),
        ("extends: small\ncurrencies: [{code: EUR, per_euro: 1}]\n", "not among the currencies"),
        ("extends: small\nphases: [{after_days: 3, changes: {cards: 3}}]\n", "cannot change cards"),
        ("extends: small\nphases: [{after_days: 3, changes: {life: {explore: 9}}}]\n", "life.explore"),
        ("extends: v2/small\nblocks: {asked: 2}\n", "blocks.asked"),
        ("extends: v2/small\nphases: [{after_days: 3, changes: {thieves: {}}}]\n", "cannot change thieves"),
        ("cards: [\n", "not YAML in line 2"),
        ("- 1\n", "must be a mapping"),
        ("cards: 3\n", "merchants: Field required"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(content)

    with pytest.raises(ConfigurationError) as failure:
        load_scenario(str(file))

    assert reason in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_missing_scenario_is_refused_naming_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="default, demo, drift, small"):
        load_scenario("nowhere.yaml")


def test_a_scenario_that_extends_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.yaml"
    file.write_text(f"extends: {file}\n")

    with pytest.raises(ConfigurationError, match="extends itself"):
        load_scenario(str(file))


def test_a_phase_changes_what_it_names_from_its_day_on() -> None:
    drift = load_scenario("drift")
    first = drift.phases[0].after_days

    before, after = drift.after(first - 1), drift.after(first)

    assert before is drift
    assert after.campaigns.account_takeover.starts_per_day > before.campaigns.account_takeover.starts_per_day
    assert after.campaigns.account_takeover.hours != before.campaigns.account_takeover.hours
    assert after.labels == before.labels
