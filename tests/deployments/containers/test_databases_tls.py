"""The databases' certificates are verified, by both drivers, against a real PostgreSQL with TLS."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from deployments.containers.databases import (
    database_uri,
    for_prefect,
    prefect_environment,
    wait_until_reachable,
)
from fraud.errors import UnreachableError
from tests.security.locked import Authority
from tests.serving.dashboard.database.server import find_programs, run_server

PROGRAMS = find_programs()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed")


@dataclass
class TlsDatabase:
    """A server whose certificate is made out to 127.0.0.1, and two authorities, one of which signed it."""

    uri: str
    authority: Path
    stranger: Path


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsDatabase]:
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority.found(folder, "authority"), Authority.found(folder, "stranger")
    assert PROGRAMS is not None
    with run_server(PROGRAMS, authority.issue(folder, "127.0.0.1")) as url:
        yield TlsDatabase(f"{url}/postgres?sslmode=require", authority.file, stranger.file)


def configure(monkeypatch: pytest.MonkeyPatch, uri: str, authorities: Path) -> str:
    """The URI that a container gets for these settings."""
    monkeypatch.setenv("FRAUD_CONTAINER_DATABASE_URI", uri)
    monkeypatch.setenv("FRAUD_CONTAINER_DATABASE_CA", str(authorities))
    return database_uri()


async def _is_encrypted(uri: str) -> bool:
    engine = create_async_engine(for_prefect(uri))
    try:
        async with engine.connect() as connection:
            query = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return bool((await connection.execute(query)).scalar())
    finally:
        await engine.dispose()


def connect_as_prefect(monkeypatch: pytest.MonkeyPatch, uri: str) -> bool:
    """Connect with Prefect's driver; whether the connection is encrypted."""
    for name, value in prefect_environment(uri).items():
        monkeypatch.setenv(name, value)
    return asyncio.run(_is_encrypted(uri))


def test_the_one_who_signed_it_is_trusted(database: TlsDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = configure(monkeypatch, database.uri, database.authority)
    wait_until_reachable(uri, 0, lambda _: None)
    assert connect_as_prefect(monkeypatch, uri)


@pytest.mark.parametrize("attack", ["another authority", "another name"])
def test_who_poses_as_the_database_gets_no_password(
    database: TlsDatabase, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    # given a server in between, whose URI asks for encryption alone
    stranger = database.stranger if attack == "another authority" else database.authority
    address = (
        database.uri if attack == "another authority" else database.uri.replace("127.0.0.1", "localhost")
    )
    uri = configure(monkeypatch, address, stranger)
    # when both drivers connect, then neither goes on
    with pytest.raises(UnreachableError, match=r"certificate"):
        wait_until_reachable(uri, 0, lambda _: None)
    with pytest.raises(OSError, match=r"(?i)certificate"):
        connect_as_prefect(monkeypatch, uri)
