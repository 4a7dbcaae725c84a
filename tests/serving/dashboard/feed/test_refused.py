"""What could not be read is counted by topic, across restarts."""

from collections import Counter

from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import DashboardServer


def test_refused_labels_are_counted_apart_from_payments(offline_dashboard: DashboardServer) -> None:
    # given no refused message
    browser, topics = offline_dashboard.browser("vera"), offline_dashboard.settings.topics
    assert browser.get("monitoring").json()["refused"] == {"labels": 0, "payments": 0}
    # when several are refused, of which another process of the dashboard reads the last
    for count in (2, 1):
        recorder_for(offline_dashboard).write(
            Batch(refused=Counter({topics.labels: count, topics.profiles: 5}))
        )
    # then each is counted once
    assert browser.get("monitoring").json()["refused"] == {"labels": 3, "payments": 0}
