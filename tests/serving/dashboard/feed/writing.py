"""Batches written into a dashboard's store without Kafka."""

from serving.dashboard.feed.recorder import Recorder
from tests.serving.dashboard.support import DashboardServer


def recorder_for(dashboard: DashboardServer) -> Recorder:
    """Writes as the follower does."""
    settings, connection = dashboard.settings, dashboard.context.store.connect()
    return Recorder(
        connection, "cluster", settings.dashboard, settings.admission.per_euro, settings.labels,
        settings.loaded_definitions,
    )  # fmt: skip
