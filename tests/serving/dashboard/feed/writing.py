"""Batches written into a dashboard's store without Kafka, and what is stored."""

from typing import Any

from sqlalchemy import RowMapping, text

from fraud.settings import Settings
from serving.dashboard.feed.recorder import Recorder
from serving.dashboard.feed.store import Store
from tests.serving.dashboard.support import DashboardServer


def recorder_for(dashboard: DashboardServer) -> Recorder:
    """Writes as the follower does."""
    return recorder_on(dashboard.context.store, dashboard.settings)


def recorder_on(store: Store, settings: Settings) -> Recorder:
    """Writes into a store as the follower does."""
    return Recorder(store.connect(), "cluster", settings, store.card_ref)


def rows_of(store: Store, query: str, **values: Any) -> list[RowMapping]:
    """What a query finds; booleans are integers."""
    with store.reading() as connection:
        return list(connection.execute(text(query), values).mappings())


def value_of(store: Store, query: str, **values: Any) -> Any:
    """The first value that a query finds."""
    with store.reading() as connection:
        return connection.execute(text(query), values).scalar()


def execute(store: Store, statement: str, **values: Any) -> None:
    """Change what is stored."""
    with store.write_transaction() as connection:
        connection.execute(text(statement), values)
