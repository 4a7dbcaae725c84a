"""The engine on a real broker with a real registry."""

from fraud.settings import Settings
from tests.serving.world import (
    running,
    send,
    transaction,
    wait_for_predictions,
)


def test_every_transaction_is_answered_once(serving_settings: Settings, champion: str) -> None:
    # given
    send(serving_settings, [transaction(number) for number in range(500)])

    # when
    with running(serving_settings):
        found = wait_for_predictions(serving_settings, 500)

    # then
    assert sorted(one.transaction_id for one in found) == sorted(f"t{number}" for number in range(500))
    assert {one.model_version for one in found} == {champion}
