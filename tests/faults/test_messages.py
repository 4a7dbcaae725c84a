"""Messages of every bad kind among the traffic."""

import pytest

from fraud.settings import Settings
from tests.faults.conftest import CheckScene
from tests.faults.harness.scene import scene
from tests.messages import BAD, MOST_BYTES, bad_variants
from tests.serving.world import BASE_MS

pytestmark = [pytest.mark.faults, pytest.mark.broker, pytest.mark.timeout(200)]

_VALID = (
    b'{"transaction_id":"poison","card_id":"card-1","merchant_id":"merchant-1","amount":"5.00",'
    b'"currency":"EUR","timestamp":%d}' % BASE_MS
)


@pytest.mark.short
def test_every_bad_kind_of_message_and_a_kill(fault_settings: Settings, check_scene: CheckScene) -> None:
    # given messages nested by thousands of levels, of broken encodings and numbers, with repeated names
    bad = [value for value in BAD.values() if len(value or b"") <= MOST_BYTES]
    bad += [value for _, value in bad_variants(_VALID, "card_id")]
    with scene(fault_settings) as made:
        # when they come among the traffic, and the worker is killed upon them
        made.load.poison(2 * len(bad), bad)
        seconds = made.kill_and_restart(made.workers[0])
        made.load.poison(len(bad), bad)

        # then
        check_scene(
            made, "a message of 1,000 levels and every other bad kind, and kill -9 upon them", seconds
        )
