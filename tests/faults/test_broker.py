"""The broker goes away and comes back."""

import time
from collections.abc import Callable

import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.settings import Settings
from tests.faults.conftest import CheckScene
from tests.faults.harness.scene import scene

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LONGER_THAN_ANY_TIMEOUT_S = 70


def _restart(kafka: EmbeddedKafka) -> None:
    kafka.restart()


def _kill_and_start(kafka: EmbeddedKafka) -> None:
    kafka.kill()
    kafka.start()


def _stay_away(kafka: EmbeddedKafka) -> None:
    kafka.kill()
    time.sleep(LONGER_THAN_ANY_TIMEOUT_S)
    kafka.start()


@pytest.mark.parametrize(
    ("strike", "case"),
    [
        pytest.param(_restart, "broker restarted in order", id="restart"),
        pytest.param(
            _kill_and_start, "broker killed with -9 and started again", id="kill", marks=pytest.mark.short
        ),
        pytest.param(_stay_away, f"broker down for {LONGER_THAN_ANY_TIMEOUT_S} s", id="down for long"),
    ],
)
def test_the_broker_goes_and_comes_back(
    own_settings: Settings,
    own_kafka: EmbeddedKafka,
    check_scene: CheckScene,
    strike: Callable[[EmbeddedKafka], None],
    case: str,
) -> None:
    with scene(own_settings) as made:
        # when
        strike(own_kafka)
        seconds = made.wait_until_scoring()

        # then
        assert made.workers[0].is_alive
        check_scene(made, case, seconds)
