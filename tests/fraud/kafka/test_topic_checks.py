"""What is said of topics whose settings lose what the system needs, on a real broker."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import ConfigurationError, DataError
from fraud.health_checks import check_environment
from fraud.kafka.topic_checks import check_topics, history_findings, plan_differences
from fraud.kafka.topics import TopicPlan, create_topics, existing_topics, make_topics, topic_config
from fraud.settings import Settings
from producer.replay.publishing.topic_checks import require_accepted
from serving.ops.metrics import Metrics
from serving.ops.topic_warnings import check_topic_settings
from tests.conftest import SettingsFactory
from tests.fraud.kafka.topic_changes import alter_topic
from tests.serving.world import wait_for

NOW = int(time.time() * 1_000)
FAR = str((1 << 63) - 1)

pytestmark = pytest.mark.broker


def found(settings: Settings) -> set[tuple[str, str, str, str]]:
    """Topic (as the settings call it), setting, value and level of each finding."""
    names = {topic: name for name, topic in settings.topics.model_dump().items()}
    return {(names[one.topic], one.setting, one.value, one.level) for one in check_topics(settings)}


def test_topics_that_we_create_are_as_they_should_be(settings: Settings) -> None:
    assert check_topics(settings) == []
    assert not any(plan_differences(settings).values())
    clock = topic_config(settings, settings.topics.transactions)["message.timestamp.after.max.ms"]
    assert clock == "3600000"


@pytest.mark.parametrize(
    ("topic", "setting", "value", "level"),
    [
        ("transactions", "retention.ms", str(7 * DAY_MS), "harmful"),
        ("transactions", "retention.ms", str(32 * DAY_MS), "harmful"),
        ("transactions", "retention.ms", str(40 * DAY_MS), "advice"),
        ("transactions", "retention.bytes", str(1 << 30), "harmful"),
        ("transactions", "cleanup.policy", "compact", "harmful"),
        ("transactions", "cleanup.policy", "compact,delete", "harmful"),
        ("transactions", "message.timestamp.type", "LogAppendTime", "harmful"),
        ("transactions", "message.timestamp.after.max.ms", FAR, "advice"),
        ("transactions", "message.timestamp.after.max.ms", "1000", "harmful"),
        ("transactions", "message.timestamp.before.max.ms", str(DAY_MS), "harmful"),
        ("transactions", "max.message.bytes", "10000", "harmful"),
        ("transactions", "segment.bytes", str(1 << 20), None),
        ("transactions", "segment.ms", "60000", "advice"),
        ("labels", "retention.ms", str(7 * DAY_MS), "harmful"),
        ("labels", "cleanup.policy", "compact", "harmful"),
        ("labels", "retention.bytes", "1000000", "harmful"),
        ("predictions", "retention.ms", str(7 * DAY_MS), "harmful"),
        ("predictions", "cleanup.policy", "compact", "harmful"),
        ("predictions", "max.message.bytes", "100000", "harmful"),
        ("predictions", "min.insync.replicas", "2", "fatal"),
        ("profiles", "cleanup.policy", "delete", "harmful"),
        ("dead_letters", "retention.ms", str(DAY_MS), "harmful"),
        ("dead_letters", "max.message.bytes", "65536", "harmful"),
        ("label_dead_letters", "cleanup.policy", "compact", "harmful"),
        ("policies", "retention.ms", str(DAY_MS), "harmful"),
        ("policies", "cleanup.policy", "compact", "harmful"),
        ("lists", "cleanup.policy", "delete", "harmful"),
        ("gateway_events", "cleanup.policy", "compact", "harmful"),
        ("lists", "min.compaction.lag.ms", "0", "advice"),
        ("lists", "delete.retention.ms", str(DAY_MS), "advice"),
    ],
)
def test_each_setting_that_does_harm_is_named(
    settings: Settings, topic: str, setting: str, value: str, level: str | None
) -> None:
    # given one setting of one topic
    alter_topic(settings, getattr(settings.topics, topic), setting, value)
    # then it alone is named, with its value, what is needed, and the command
    assert found(settings) == ({(topic, setting, value, level)} if level else set())
    for one in check_topics(settings):
        assert f"{setting}={value}, needed is " in str(one)
        name = getattr(settings.topics, topic)
        assert f"--entity-name {name} --add-config {setting}=" in one.command(settings)
    # and what the command sets is well
    for one in check_topics(settings):
        if one.fix:
            alter_topic(settings, one.topic, one.setting, one.fix)
    assert check_topics(settings) == []


def test_what_is_needed_follows_the_settings(settings: Settings) -> None:
    # given a retention that is enough for two days of lateness
    alter_topic(settings, settings.topics.transactions, "retention.ms", str(100 * DAY_MS))
    assert check_topics(settings) == []
    # when eighty days are allowed, then it is not
    admission = settings.admission.model_copy(update={"lateness": 40 * settings.admission.lateness})
    (one,) = check_topics(settings.model_copy(update={"admission": admission}))
    assert (one.setting, one.level, one.fix) == ("retention.ms", "harmful", str(111 * DAY_MS))


def test_partitions_that_differ_are_named(make_settings: SettingsFactory, broker: str) -> None:
    # given labels with fewer partitions than payments
    make = make_settings
    few = make(kafka={"bootstrap_servers": broker, "partitions": 2})
    make_topics(few, [TopicPlan(few.topics.labels)])
    many = make(kafka={"bootstrap_servers": broker, "partitions": 3})
    create_topics(many)
    # then that is said, with the command that adds some
    (one,) = [one for one in check_topics(many) if one.setting == "partitions"]
    assert (one.topic, one.value, one.needed) == (many.topics.labels, "2", "3")
    assert one.command(many).endswith(f"--alter --topic {many.topics.labels} --partitions 3")
    assert plan_differences(many)[many.topics.labels][-1] == "partitions=2 instead of 3"


def test_a_kafka_that_does_not_know_a_setting_gets_the_topic_without_it(settings: Settings) -> None:
    # given a plan with something that this cluster has never heard of
    name = f"{settings.topics.transactions}.old"
    optional = {"message.timestamp.from.the.future.ms": "1", "retention.bytes": "1000000000"}
    plan = TopicPlan(name, {"retention.ms": "-1"}, optional)
    # when the topic is created
    make_topics(settings, [plan])
    # then it is there with the rest
    assert wait_for(lambda: existing_topics(settings).get(name)) == settings.kafka.partitions
    config = topic_config(settings, name)
    assert (config["retention.ms"], config["retention.bytes"]) == ("-1", "1000000000")


@pytest.mark.parametrize(
    ("setting", "value", "first_day", "last_day"),
    [
        ("message.timestamp.before.max.ms", str(30 * DAY_MS), -31, 0),
        ("message.timestamp.after.max.ms", "3600000", 0, 1),
        ("cleanup.policy", "compact", -1, 0),
        ("retention.ms", str(60 * DAY_MS), -61, 0),
    ],
)
def test_a_history_that_kafka_would_refuse_or_delete_is_named_before(
    settings: Settings, setting: str, value: str, first_day: int, last_day: int
) -> None:
    topic, oldest, newest = settings.topics.transactions, NOW + first_day * DAY_MS, NOW + last_day * DAY_MS
    alter_topic(settings, topic, setting, value)
    with pytest.raises(DataError, match=f"{setting}={value}, needed is .* kafka-configs.sh"):
        require_accepted(settings, topic, oldest, newest)
    assert history_findings(settings, topic, NOW - DAY_MS // 2, NOW - 1, NOW) == (
        [] if setting != "cleanup.policy" else history_findings(settings, topic, oldest, newest, NOW)
    )


def test_what_may_do_harm_to_a_history_is_only_said(settings: Settings) -> None:
    topic = settings.topics.transactions
    alter_topic(settings, topic, "retention.bytes", "100000000000")
    (sentence,) = require_accepted(settings, topic, NOW - DAY_MS, NOW)
    assert "retention.bytes=100000000000" in sentence


def test_doctor_has_a_line_for_each_with_its_command(settings: Settings) -> None:
    # given a retention that is too short, and a limit on clocks that is too wide
    topic = settings.topics.transactions
    alter_topic(settings, topic, "retention.ms", str(7 * DAY_MS))
    alter_topic(settings, topic, "message.timestamp.after.max.ms", FAR)
    # when everything is looked at
    lines = [one for one in check_environment(settings) if one.name == "topic settings"]
    # then the one is a failure and the other advice
    assert [(one.ok, one.detail.partition("=")[0].rpartition(" ")[2]) for one in lines] == [
        (False, "retention.ms"),
        (True, "message.timestamp.after.max.ms"),
    ]
    assert all(one.remedy.startswith("kafka-configs.sh") for one in lines)


@pytest.fixture
def message(caplog: pytest.LogCaptureFixture) -> Callable[[Settings], tuple[str, list[dict[str, Any]]]]:
    """What serving logs and counts at its start."""

    def said(settings: Settings) -> tuple[str, list[dict[str, Any]]]:
        metrics = Metrics()
        check_topic_settings(settings, metrics)
        return caplog.text, [labels for labels, _ in metrics.samples("fraud_topic_findings")]

    return said


def test_serving_warns_and_counts_and_goes_on(
    settings: Settings, message: Callable[[Settings], tuple[str, list[dict[str, Any]]]]
) -> None:
    assert message(settings) == ("", [])
    alter_topic(settings, settings.topics.transactions, "cleanup.policy", "compact")
    text, counted = message(settings)
    assert "cleanup.policy=compact, needed is delete" in text
    assert counted == [{"topic": settings.topics.transactions, "setting": "cleanup.policy"}]


def test_serving_does_not_begin_where_nothing_can_be_written(
    settings: Settings, message: Callable[[Settings], tuple[str, list[dict[str, Any]]]]
) -> None:
    alter_topic(settings, settings.topics.predictions, "min.insync.replicas", "3")
    with pytest.raises(ConfigurationError, match=r"min\.insync\.replicas=3, needed is at most 1: .* written"):
        message(settings)
