"""What a case shows of the profiles of ids and categories."""

from pathlib import Path
from typing import Any

from fraud.settings import Settings
from serving.dashboard.api.queries import find_alerts, read_case
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.definitions import PROFILED, PROFILED_FILE
from tests.serving.dashboard.feed.writing import recorder_on
from tests.serving.dashboard.support import payment, prediction_for

MOMENT_MS = 1_760_000_400_000


def cases(settings: Settings, folder: Path, *predictions: Any) -> list[dict[str, Any]]:
    """Of alerts on the payments t0, t1, ... ."""
    store = Store(folder / "history.db")
    recorder_on(store, settings).write(Batch(predictions=[*predictions]))
    with store.reading() as connection:
        alerts = [find_alerts(connection, one.transaction_id, None)[0] for one in predictions]
        return [read_case(connection, alert, settings.loaded_definitions) for alert in alerts]


def test_each_case_shows_the_profiles_that_its_payment_was_scored_with(
    make_settings: SettingsFactory, tmp_path: Path
) -> None:
    # given two alerts whose devices have different profiles, and one from before there were profiles
    settings = make_settings(definitions=PROFILED_FILE)
    made: dict[str, Any] = {"definitions": PROFILED.digest, "profile_moment": MOMENT_MS}
    predictions = [
        prediction_for(payment(number), profiles={"device_frauds_7d": frauds}, **made)
        for number, frauds in enumerate((1.0, None))
    ]
    first, second, third = cases(settings, tmp_path, *predictions, prediction_for(payment(2)))
    # then
    text = "reported frauds of the device in 7 days"
    assert first["profiles"] == [{"label": "device", "texts": [f"{text}: 1"]}]
    assert second["profiles"] == [{"label": "device", "texts": [f"{text}: unknown"]}]
    assert first["alert"]["profile_moment"] == MOMENT_MS
    assert third["profiles"] == []
    assert third["alert"]["profile_moment"] is None
