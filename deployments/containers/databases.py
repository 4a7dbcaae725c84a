"""The Postgres databases of Prefect and MLflow: one URI for both drivers, migrations, and waiting for them.

The secret holds a plain `postgresql://` URI as libpq knows it. Prefect's driver (asyncpg) wants `ssl` where
libpq says `sslmode`, and MLflow's is named in the URI; both are derived here.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from deployments.containers.settings import load_container_settings
from deployments.containers.waiting import poll
from fraud.errors import ConfigurationError, FraudError, UnreachableError

Report = Callable[[str], None]


@dataclass(frozen=True)
class _Application:
    """Where an application keeps its migrations, relative to its package."""

    package: str
    migrations: str
    versions: str


_APPLICATIONS = {
    "prefect": _Application("prefect", "server/database/_migrations", "versions/postgresql"),
    "mlflow": _Application("mlflow", "store/db_migrations", "versions"),
}


def database_uri() -> str:
    """The URI that the secret gave; with `database_ca` it verifies the server.

    Raises:
        ConfigurationError: there is none, or it is not Postgres's.
    """
    settings = load_container_settings()
    secret = settings.database_uri
    if secret is None:
        raise ConfigurationError(
            "FRAUD_CONTAINER_DATABASE_URI is not set: the key `uri` of the application's database secret"
        )
    url = _parse(secret.get_secret_value())
    if settings.database_ca is None:
        return secret.get_secret_value()
    verified = {"sslmode": "verify-full", "sslrootcert": str(settings.database_ca)}
    return url.update_query_dict(verified).render_as_string(hide_password=False)


def prefect_environment(uri: str) -> dict[str, str]:
    """The variables by which Prefect's server finds its database."""
    authorities = _parse(uri).query.get("sslrootcert")
    # asyncpg takes the file from the environment alone.
    verified = {"PGSSLROOTCERT": str(authorities)} if authorities else {}
    return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": for_prefect(uri)} | verified


def for_prefect(uri: str) -> str:
    """The URI for asyncpg."""
    url = _parse(uri).set(drivername="postgresql+asyncpg")
    query = {name: value for name, value in url.query.items() if name != "sslrootcert"}
    mode = query.pop("sslmode", None)
    if mode is not None:
        query["ssl"] = mode
    return url.set(query=query).render_as_string(hide_password=False)


def for_mlflow(uri: str) -> str:
    """The URI for psycopg."""
    return _parse(uri).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def wait_until_reachable(uri: str, timeout_s: float, report: Report) -> None:
    """Wait until the database lets us in.

    Raises:
        UnreachableError: it does not within `timeout_s`.
    """
    poll(lambda: _revision(uri), timeout_s, report)


def wait_until_migrated(application: str, uri: str, timeout_s: float, report: Report) -> None:
    """Wait until the database has the schema of the installed version.

    Raises:
        UnreachableError: it has not within `timeout_s`.
    """
    head = head_revision(application)

    def check() -> None:
        found = _revision(uri)
        if found != head:
            raise UnreachableError(
                f"the database of {application} is at revision {found or 'nothing'}, not {head}; "
                f"the job that runs `migrate {application}` has not ended, or has failed"
            )

    poll(check, timeout_s, report)


def head_revision(application: str) -> str:
    """The newest migration of the installed version."""
    where = _application(application)
    spec = importlib.util.find_spec(where.package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"{application} is not installed in this image")
    folder = Path(spec.submodule_search_locations[0]) / where.migrations
    script = ScriptDirectory(str(folder), version_locations=[str(folder / where.versions)])
    return str(script.get_current_head())


def migrate(application: str, uri: str) -> None:
    """Migrate the database to the newest schema; one that has it is left alone.

    Raises:
        FraudError: the migration failed; its own message stands above.
    """
    _application(application)
    if application == "mlflow":
        _migrate_mlflow(for_mlflow(uri))
    else:
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
        environment = dict(os.environ) | prefect_environment(uri)
        if subprocess.run(command, env=environment, check=False).returncode:  # noqa: S603
            raise FraudError("Prefect's database was not migrated; see its message above")


def _migrate_mlflow(uri: str) -> None:
    """In this process, for a command line would show the password."""
    from mlflow.db import commands

    commands.commands["upgrade"].callback(url=uri)


def _revision(uri: str) -> str | None:
    """The revision of the database; None before the first migration."""
    engine = create_engine(for_mlflow(uri), connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[-1]
        raise UnreachableError(f"{_place(uri)} does not let us in: {reason}") from None
    except SQLAlchemyError as error:
        raise UnreachableError(f"{_place(uri)} fails: {type(error).__name__}") from None
    finally:
        engine.dispose()


def _place(uri: str) -> str:
    url = _parse(uri)
    return f"Postgres at {url.host}:{url.port or 5432}, database {url.database}, user {url.username}"


def _parse(uri: str) -> URL:
    try:
        url = make_url(uri)
    except ArgumentError:
        raise ConfigurationError("FRAUD_CONTAINER_DATABASE_URI is no URI") from None
    if url.get_backend_name() != "postgresql":
        raise ConfigurationError(
            f"FRAUD_CONTAINER_DATABASE_URI names {url.get_backend_name()}; Postgres is needed"
        )
    return url


def _application(name: str) -> _Application:
    if name not in _APPLICATIONS:
        raise ConfigurationError(f"{name!r} is not one of {', '.join(_APPLICATIONS)}")
    return _APPLICATIONS[name]
