"""Rates on the topic and in the lake, with a real broker."""

from pathlib import Path

import pytest

from fraud.errors import ConfigurationError, DataError
from fraud.kafka.topic_checks import check_topics
from fraud.kafka.topics import create_topics, topic_layouts, topic_plans
from fraud.lake import open_lake
from fraud.money.lake_rates import load_lake_rates, store_topic_rates
from fraud.money.rates import DailyRates, read_rates
from fraud.money.topic import load_topic_rates, publish_rates, read_rates_topic
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.definitions.base import write_v1_by_topic

RATES = {(20_000, "USD"): 2 * 10**9, (20_000, "JPY"): 150 * 10**9, (20_001, "USD"): 1_088_300_000}
DAILY = DailyRates("EUR", RATES)


@pytest.fixture
def by_topic(make_settings: SettingsFactory, broker: str, tmp_path: Path) -> Settings:
    made = make_settings(
        kafka={"bootstrap_servers": broker}, definitions=write_v1_by_topic(tmp_path), lake={"url": None}
    )
    create_topics(made)
    return made


def test_the_topic_is_made_with_one_partition(by_topic: Settings) -> None:
    assert topic_layouts(by_topic)[by_topic.topics.rates].partitions == 1
    assert not check_topics(by_topic, [by_topic.topics.rates])


def test_definitions_that_do_not_use_the_topic_need_none(local_settings: Settings) -> None:
    assert local_settings.rates_topic is None
    assert local_settings.topics.rates not in {plan.name for plan in topic_plans(local_settings)}


def test_only_what_has_changed_is_published(by_topic: Settings) -> None:
    # given
    first = publish_rates(by_topic, DAILY)
    # when a file of one day, with a correction, follows
    changed = {(20_001, "USD"): 10**9, (20_001, "JPY"): 1, (20_000, "USD"): 2 * 10**9}
    second = publish_rates(by_topic, DailyRates("EUR", changed))
    # then
    assert (first.added, first.corrected, first.unchanged, first.correction) == (3, 0, 0, None)
    assert (second.added, second.corrected, second.unchanged) == (1, 1, 1)
    assert second.correction is not None
    assert "the rate of USD on 2024-10-05 was 1.0883 and is 1" in second.correction
    assert read_rates_topic(by_topic, "EUR").rates == RATES | changed


def test_training_has_the_rates_of_the_last_ingest(by_topic: Settings) -> None:
    # given definitions whose rates nobody has read
    money = by_topic.loaded_definitions.money
    assert money is not None
    lake = open_lake(by_topic)
    assert store_topic_rates(by_topic, lake) == DailyRates("EUR", {})
    with pytest.raises(DataError, match="run the ingest flow"):
        load_lake_rates(by_topic)
    # when
    publish_rates(by_topic, DAILY)
    store_topic_rates(by_topic, lake)
    money.rates.replace(DailyRates("EUR", {}))
    load_lake_rates(by_topic)
    # then
    assert money.rates.daily == DAILY
    assert load_topic_rates(by_topic)
    assert money.rates.daily == DAILY


def test_rates_that_nobody_reads_are_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"v1\.yaml has no base currency, so nobody reads the topic"):
        publish_rates(settings, DAILY)


def test_a_file_of_rates_is_published_as_it_is_read(by_topic: Settings, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("date,currency,rate\n2024-10-04,USD,1.5\n")
    publish_rates(by_topic, read_rates(file, "EUR"))
    assert read_rates_topic(by_topic, "EUR").rates == {(20_000, "USD"): 1_500_000_000}
