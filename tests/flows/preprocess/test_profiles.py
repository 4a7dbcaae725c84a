"""The flow that publishes profiles of ids and categories, from Kafka to Kafka."""

from itertools import chain
from pathlib import Path

import pytest

from flows.profiles import profiles
from fraud.kafka.log import read_topic
from fraud.kafka.topics import create_topics
from fraud.profiles.messages import MARKER_KEY, profile_topic
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.flows.test_ingest import environment
from tests.fraud.profiles.definitions import with_profiled_fields, write_definitions
from tests.fraud.streams import accidental_stream, produce

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300), pytest.mark.usefixtures("prefect_server")]


def test_the_flow_ingests_and_publishes(
    make_settings: SettingsFactory, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given definitions with profiles, and payments on their topic
    file = write_definitions(tmp_path)
    settings = make_settings(kafka={"bootstrap_servers": broker}, definitions=file)
    create_topics(settings)
    stream = [with_profiled_fields(one) for one in accidental_stream(200, days=2)]
    produce(settings, settings.topics.transactions, stream)
    for name, value in (environment(settings) | {"FRAUD_DEFINITIONS": str(file)}).items():
        monkeypatch.setenv(name, value)
    # when the flow runs twice
    first, second = profiles(), profiles()
    # then each device and entry mode has a profile, and nothing is sent again
    assert first is not None
    assert second is not None
    assert (first.rows, second.rows) == (13 + 2, 0)
    messages = list(chain.from_iterable(read_topic(settings, profile_topic(settings))))
    assert sum(message.key() != MARKER_KEY for message in messages) == first.rows
    assert sum(message.key() == MARKER_KEY for message in messages) == first.markers


def test_without_profiles_in_the_definitions_the_flow_does_nothing(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the shipped definitions, and no broker
    for name, value in environment(local_settings).items():
        monkeypatch.setenv(name, value)
    # then
    assert profiles() is None
