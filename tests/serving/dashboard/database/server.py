"""A real PostgreSQL server for a test session."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from deployments.local.processes import free_port

_PASSWORD = "p@ss word"


def find_programs() -> Path | None:
    """The folder of initdb and postgres; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else versions[-1].parent if versions else None


@contextmanager
def run_server(programs: Path, identity: Path | None = None) -> Iterator[str]:
    """A server on a free port, without durability; gives the URL of a superuser without a database.

    With `identity`, a file with a private key and its certificate, it speaks TLS too.
    """
    folder = Path(tempfile.mkdtemp(prefix="fraud-postgresql-"))
    data, port, user = folder / "data", free_port(), _user()
    (folder / "password").write_text(_PASSWORD)
    if identity is not None:
        (folder / "server.pem").write_bytes(identity.read_bytes())
        (folder / "server.pem").chmod(0o600)
    if user is not None:  # PostgreSQL refuses to run as root
        for path in (folder, *folder.iterdir()):
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c max_connections=100"
    if identity is not None:
        options += f" -c ssl=on -c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server.pem"

    def run(program: str, *arguments: str | Path) -> None:
        command = [programs / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, user=user, timeout=120)

    try:
        run("initdb", "-D", data, "-U", "tests", "-A", "scram-sha-256", "--pwfile", folder / "password")
        run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://tests:{_PASSWORD.replace('@', '%40').replace(' ', '%20')}@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_database(server: str, name: str) -> str:
    """An empty database; gives its URL."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{server}/{name}"


def _user() -> str | None:
    """The account to run as; None: this one."""
    return "postgres" if os.geteuid() == 0 else None
