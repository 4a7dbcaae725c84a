"""Times far ahead in a message move no window of the dashboard."""

from datetime import timedelta

import pytest

from fraud.schema import MerchantProfile
from serving.dashboard.feed.clock import latest_profile_date, now_ms
from serving.dashboard.feed.follower import _require_no_future_date
from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import DashboardServer, payment, prediction_for

FAR = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def test_figures_survive_a_prediction_of_the_far_future(offline_dashboard: DashboardServer) -> None:
    # given figures
    recorder = recorder_for(offline_dashboard)
    recorder.write(Batch(predictions=[prediction_for(payment(1), 0.1)]))
    # when predictions come that were scored, or are of payments, in the year 9999
    far = [
        prediction_for(payment(2), 0.1, scored_at=FAR),
        prediction_for(payment(3, timestamp=FAR), 0.1, scored_at=FAR),
        prediction_for(payment(4, timestamp=FAR), 0.1),
    ]
    for one in far:
        recorder.write(Batch(predictions=[one]))
    # then all are counted
    assert offline_dashboard.browser("vera").get("live", span="24h").json()["whole"]["scored"] == 4


def test_a_case_shows_the_cards_payments_beside_one_of_the_far_future(
    offline_dashboard: DashboardServer,
) -> None:
    recorder = recorder_for(offline_dashboard)
    near, far = payment(1), payment(8, timestamp=FAR)
    recorder.write(Batch([near, far], [prediction_for(near), prediction_for(far)]))
    case = offline_dashboard.browser("vera").get("case", transaction_id="t1").json()
    assert [one["transaction_id"] for one in case["payments"]] == ["t1"]


@pytest.mark.parametrize("days", [-400, 0])
def test_a_profile_of_a_past_day_or_of_tomorrow_is_taken(days: int) -> None:
    _require_no_future_date(MerchantProfile("m", str(latest_profile_date() + timedelta(days=days)), 1, []))


@pytest.mark.parametrize("date", [str(latest_profile_date() + timedelta(days=2)), "9999-12-31"])
def test_a_profile_of_the_future_is_refused(date: str) -> None:
    with pytest.raises(ValueError, match="ahead of the clock"):
        _require_no_future_date(MerchantProfile("m", date, 1, []))


def test_the_moment_is_in_milliseconds() -> None:
    assert 1_700_000_000_000 < now_ms() < FAR
