"""The broker goes away and comes back."""

import time

import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.settings import Settings
from tests.faults.world import is_clean, scene, verdict

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


def test_a_clean_restart_of_the_broker(own_settings: Settings, own_kafka: EmbeddedKafka) -> None:
    with scene(own_settings) as made:
        # when
        own_kafka.restart()
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert made.workers[0].process.poll() is None
        assert is_clean(verdict(made, "broker restarted in order", seconds))


def test_the_broker_is_killed(own_settings: Settings, own_kafka: EmbeddedKafka) -> None:
    with scene(own_settings) as made:
        # when
        own_kafka.kill()
        own_kafka.start()
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert made.workers[0].process.poll() is None
        assert is_clean(verdict(made, "broker killed with -9 and started again", seconds))


def test_the_broker_is_down_for_longer_than_any_time_out(
    own_settings: Settings, own_kafka: EmbeddedKafka
) -> None:
    with scene(own_settings) as made:
        # when
        own_kafka.kill()
        time.sleep(70)
        own_kafka.start()
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert made.workers[0].process.poll() is None
        assert is_clean(verdict(made, "broker down for 70 s", seconds))
