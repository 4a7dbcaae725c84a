"""Topics: created once as planned, and required."""

import pytest

from fraud.errors import UnreachableError
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.topics import create_topics, existing_topics, topic_config, topic_plans
from fraud.settings import Settings


@pytest.mark.broker
def test_topics_are_created_once_as_planned(settings: Settings) -> None:
    again = create_topics(settings)

    assert again == []
    for plan in topic_plans(settings):
        assert existing_topics(settings)[plan.name] == settings.kafka.partitions
        assert plan.config.items() <= topic_config(settings, plan.name).items()


@pytest.mark.broker
def test_a_missing_topic_names_the_command(settings: Settings) -> None:
    with pytest.raises(UnreachableError, match="fraud topics create"):
        require_topic(settings, "nowhere")
