"""The database that the settings name."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fraud.errors import ConfigurationError
from fraud.settings import Settings

_VARIABLE = "FRAUD_DASHBOARD__DATABASE_URL"
_FORM = "postgresql://user:password@host:5432/name"


def database_of(settings: Settings) -> Path | URL:
    """The URL of PostgreSQL, or without one the file in the settings' home.

    Raises:
        ConfigurationError: the URL is none of PostgreSQL's.
    """
    secret = settings.dashboard.database_url
    if secret is None:
        return settings.home / "dashboard" / "history.db"
    try:
        url = make_url(secret.get_secret_value())
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):  # of a port that is no number
        raise ConfigurationError(f"{_VARIABLE} is no URL; write {_FORM}") from None
    if backend != "postgresql" or not url.database:
        raise ConfigurationError(
            f"{_VARIABLE} names {backend} and the database {url.database or '(none)'}; write {_FORM}"
        )
    return url.set(drivername="postgresql+psycopg")


def describe(database: Path | URL) -> str:
    """The database in messages, without its password."""
    if isinstance(database, Path):
        return str(database)
    place = f"{database.host or 'local socket'}:{database.port or 5432}"
    return f"PostgreSQL at {place}, database {database.database}, user {database.username}"
