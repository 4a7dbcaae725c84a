"""Batches written into a dashboard's store without Kafka."""

from serving.dashboard.feed.recorder import Recorder
from tests.serving.dashboard.world import Desk


def recorder_of(desk: Desk) -> Recorder:
    """Writes as the follower does."""
    settings, connection = desk.settings, desk.parts.store.connect()
    return Recorder(connection, "cluster", settings.dashboard, settings.admission.per_euro, settings.labels)
