"""A database of each kind for the dashboard, as its own tests have it."""

from tests.serving.dashboard.conftest import database_url, postgresql, shared_database

__all__ = ["database_url", "postgresql", "shared_database"]
