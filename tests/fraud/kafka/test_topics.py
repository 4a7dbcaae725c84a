"""Topics: created once as planned, and required."""

import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import UnreachableError
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.topics import create_topics, existing_topics, topic_config, topic_plans
from fraud.profiles.messages import profile_topic
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.definitions import PROFILED_FILE


@pytest.mark.broker
def test_topics_are_created_once_as_planned(settings: Settings) -> None:
    again = create_topics(settings)

    assert again == []
    for plan in topic_plans(settings):
        assert existing_topics(settings)[plan.name] == (plan.partitions or settings.kafka.partitions)
        assert plan.config.items() <= topic_config(settings, plan.name).items()


@pytest.mark.broker
def test_what_decides_has_one_partition_and_its_past_is_kept(settings: Settings) -> None:
    policies = topic_config(settings, settings.topics.policies)
    lists = topic_config(settings, settings.topics.lists)
    assert (policies["cleanup.policy"], policies["retention.ms"]) == ("delete", "-1")
    assert (lists["cleanup.policy"], lists["min.compaction.lag.ms"]) == ("compact", str(90 * DAY_MS))
    assert lists["delete.retention.ms"] == str(90 * DAY_MS)
    assert {existing_topics(settings)[name] for name in decision_topics(settings)} == {1}


def decision_topics(settings: Settings) -> tuple[str, str]:
    return settings.topics.policies, settings.topics.lists


@pytest.mark.broker
def test_a_missing_topic_names_the_command(settings: Settings) -> None:
    with pytest.raises(UnreachableError, match="fraud topics create"):
        require_topic(settings, "nowhere")


def test_definitions_with_profiles_have_a_compacted_topic_of_their_own(
    make_settings: SettingsFactory,
) -> None:
    # given settings with the shipped definitions, and with some that have profiles
    plain, profiled = make_settings(), make_settings(definitions=PROFILED_FILE)
    # when
    added = [plan for plan in topic_plans(profiled) if plan not in topic_plans(plain)]
    # then
    assert [(plan.name, plan.config) for plan in added] == [
        (profile_topic(profiled), {"cleanup.policy": "compact"})
    ]
    assert profile_topic(profiled).startswith(f"{plain.topics.profiles}.")
