"""The ids that the search looks through: added with the first payment, removed with the last."""

import pytest

from fraud.settings import Settings
from serving.dashboard.database.known_ids import fill_known_ids
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.serving.dashboard.feed.writing import execute, recorder_on, rows_of
from tests.serving.dashboard.support import payment, prediction_for


def known(store: Store) -> tuple[set[str], set[str]]:
    """Cards and merchants."""
    cards, merchants = (rows_of(store, f"SELECT * FROM {name}") for name in ("cards", "known_merchants"))
    return {one["card_id"] for one in cards}, {one["merchant_id"] for one in merchants}


@pytest.fixture
def small(make_settings: SettingsFactory) -> Settings:
    """With the smallest store that there can be."""
    return make_settings(dashboard={"store_mib": 16})


def test_ids_are_added_once_with_a_reference_and_again_after_a_failed_write(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(small.home / "history.db")
    recorder = recorder_on(store, small)
    # given a write that fails
    first = payment(1)
    with monkeypatch.context() as failing:
        failing.setattr(recorder._ticks, "write", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recorder.write(Batch([first]))
    assert known(store) == (set(), set())
    # when it is repeated, with a payment of the same card and a prediction of another
    recorder.write(Batch([first, payment(8)], [prediction_for(payment(2))]))
    # then each id is there once
    assert known(store) == ({"card-1", "card-2"}, {"merchant-1", "merchant-3"})
    references = {one["card_id"]: one["card_ref"] for one in rows_of(store, "SELECT * FROM cards")}
    assert references["card-1"] == store.card_ref("card-1")
    store.close()


def test_ids_go_with_their_last_payment_and_come_back_with_a_new_one(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given many payments of one card, after one of another and an alert of a third
    store = Store(small.home / "history.db")
    recorder = recorder_on(store, small)
    old, alert = (
        payment(0, card_id="old", merchant_id="gone"),
        payment(1, card_id="alert", merchant_id="kept"),
    )
    recorder.write(Batch([old, alert], [prediction_for(alert)]))
    recorder.write(Batch([payment(n, card_id="filler", merchant_id="filler") for n in range(2, 5_100)]))
    # when the oldest payments make room
    with monkeypatch.context() as full:
        full.setattr(recorder._pruning, "_has_too_many_payments", lambda: True)
        recorder.write(Batch())
    assert rows_of(store, "SELECT count(*) AS left FROM payments")[0]["left"] == 100
    # then the card without payments is gone, and that of the alert is there
    assert known(store) == ({"alert", "filler"}, {"kept", "filler"})
    # and a new payment brings it back
    recorder.write(Batch([payment(70_000, card_id="old", merchant_id="gone")]))
    assert "old" in known(store)[0]
    store.close()


def test_a_store_of_an_earlier_version_gets_the_ids_that_it_has(small: Settings) -> None:
    store = Store(small.home / "history.db")
    recorder_on(store, small).write(Batch([payment(1), payment(2)]))
    for name in ("cards", "known_merchants"):
        execute(store, f"DELETE FROM {name}")
    with store.write_transaction() as connection:
        fill_known_ids(connection)
    assert known(store) == ({"card-1", "card-2"}, {"merchant-1", "merchant-2"})
    store.close()
