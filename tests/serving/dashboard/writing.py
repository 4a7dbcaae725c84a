"""Batches written into a dashboard's store without Kafka."""

from serving.dashboard.feed.recorder import Recorder, rank_sources
from tests.serving.dashboard.world import Desk


def recorder_of(desk: Desk) -> Recorder:
    """Writes as the follower does."""
    connection = desk.parts.store.connect()
    rank_sources(connection, desk.settings.labels)
    return Recorder(connection, "cluster", desk.settings.dashboard, desk.settings.admission.per_euro)
