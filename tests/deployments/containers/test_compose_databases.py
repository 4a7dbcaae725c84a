"""The databases of the compose file, made by its own script in a real PostgreSQL."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from deployments.cli.stack.secrets import NAMES
from tests.serving.dashboard.database.server import find_programs, run_server

COMPOSE = yaml.safe_load((Path(__file__).parents[3] / "deployments" / "compose.yaml").read_text("utf-8"))
APPLICATIONS = ("mlflow", "prefect", "dashboard")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty PostgreSQL server."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with run_server(programs) as url:
        yield url


def make_databases(server: str, script: Path, password: str) -> None:
    """Run the script as the service `databases` does, with a password for all applications."""
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", password, COMPOSE["configs"]["databases"]["content"])
    script.write_text(text)
    command = list(COMPOSE["services"]["databases"]["command"])
    for option, value in (("--host", "127.0.0.1"), ("--username", "tests"), ("--file", str(script))):
        command[command.index(option) + 1] = value
    port, superuser = server.rpartition(":")[2], psycopg.conninfo.conninfo_to_dict(f"{server}/postgres")
    environment = dict(os.environ) | {"PGPASSWORD": str(superuser["password"]), "PGPORT": port}
    subprocess.run([*command, "--dbname", "postgres"], env=environment, check=True, timeout=60)


def url_of(server: str, user: str, password: str, database: str) -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{server.rpartition(':')[2]}/{database}"


def test_each_application_has_a_database_that_no_other_may_enter(server: str, tmp_path: Path) -> None:
    # given a server on which the script ran, and ran again with other passwords
    make_databases(server, tmp_path / "databases.sql", "before")
    make_databases(server, tmp_path / "databases.sql", "after")
    for name in APPLICATIONS:
        # then each may make tables in its own database, by the newest password alone
        with psycopg.connect(url_of(server, name, "after", name)) as connection:
            connection.execute("CREATE TABLE own (a int)")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url_of(server, name, "before", name))
        # and is let into no other
        for other in set(APPLICATIONS) - {name}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(url_of(server, name, "after", other))
            psycopg.connect(url_of(server, other, "after", other)).close()


def test_the_dashboard_s_address_is_that_of_its_own_role_and_database() -> None:
    url = COMPOSE["services"]["dashboard"]["environment"]["FRAUD_DASHBOARD__DATABASE_URL"]
    assert "DASHBOARD_DATABASE_PASSWORD" in NAMES
    assert re.sub(r"\$\{(\w+):\?[^}]*\}", r"<\1>", url) == (
        "postgresql://dashboard:<DASHBOARD_DATABASE_PASSWORD>@postgres:5432/dashboard"
    )
