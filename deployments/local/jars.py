"""Kafka's jars: fetched through `deployments.local.ivy`, checked against `jars.lock`, cached for good.

`python -m deployments.local.jars` resolves the jars again and rewrites the lock.
"""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from deployments.local.ivy import RETRIEVED, Modules, find_repository, run_ivy
from fraud.errors import DataError, UnreachableError
from fraud.machine.cache import cache_folder
from fraud.machine.java import Java, find_java
from fraud.settings import load_settings

LOCK = Path(__file__).with_name("jars.lock")
MODULES = (
    ("org.apache.kafka", "kafka_2.13", "4.4.0"),
    # Kafka's own jars bring no SLF4J binding; without one the broker is mute.
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),
)
_ATTEMPTS = 3

Progress = Callable[[int, int], None]
"""Called with how many jars are there and how many it will be."""


def kafka_jars(progress: Progress | None = None, java: Java | None = None) -> Path:
    """The folder of the locked jars; fetched if this user has not got them, without a network otherwise.

    `java` runs the fetching; default: the one of the settings.

    Raises:
        UnreachableError: the jars cannot be fetched.
        DataError: a jar is not the locked one.
    """
    return locked_jars(MODULES, LOCK, progress, java)


def locked_jars(
    modules: Modules, lock: Path, progress: Progress | None = None, java: Java | None = None
) -> Path:
    """The folder of the jars that a lock names, as `kafka_jars`; `modules` are what they belong to.

    Raises:
        UnreachableError: the jars cannot be fetched.
        DataError: a jar is not the locked one.
    """
    locked = _read_lock(lock)
    folder = cache_folder("jars", lock.read_bytes())
    if not folder.is_dir():
        _install(folder, modules, lock, progress, java)
    verify(folder, locked, lock.name)
    return folder


def verify(folder: Path, lock: dict[str, str], named: str = LOCK.name) -> None:
    """Check that the folder holds the locked jars, byte for byte, and nothing else.

    Raises:
        DataError: it does not.
    """
    found = {path.name: _sha256(path) for path in folder.glob("*.jar")}
    wrong = sorted(name for name in lock.keys() | found.keys() if lock.get(name) != found.get(name))
    if wrong:
        raise DataError(
            f"the jar {wrong[0]} in {folder} is not the one that {named} names; "
            "remove that folder and try again"
        )


def retrieve(modules: Modules, folder: Path) -> None:
    """Fetch modules and what they depend on into a new folder, without a lock.

    Raises:
        UnreachableError: they cannot be fetched.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        whole = Path(scratch) / "jars"
        _retrieve(whole, Path(scratch), lambda: None, modules)
        shutil.move(whole, folder)


def relock(modules: Modules = MODULES, lock: Path = LOCK) -> int:
    """Resolve the newest-allowed jars of modules and write their checksums; returns how many."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "jars"
        _retrieve(folder, Path(scratch), lambda: None, modules)
        jars = sorted(folder.glob("*.jar"))
        lock.write_text("".join(f"{_sha256(jar)}  {jar.name}\n" for jar in jars), encoding="utf-8")
    return len(jars)


def _read_lock(lock: Path = LOCK) -> dict[str, str]:
    lines = (line.split() for line in lock.read_text(encoding="utf-8").splitlines())
    return {name: checksum for checksum, name in lines}


def _install(
    folder: Path, modules: Modules, lock: Path, progress: Progress | None, java: Java | None
) -> None:
    locked = _read_lock(lock)
    folder.parent.mkdir(parents=True, exist_ok=True)
    count = 0

    def report() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(min(count, len(locked)), len(locked))

    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        whole = Path(scratch) / "jars"
        _retrieve(whole, Path(scratch), report, modules, java)
        verify(whole, locked, lock.name)
        if not folder.is_dir():
            shutil.move(whole, folder)


def _retrieve(
    folder: Path,
    scratch: Path,
    fetched: Callable[[], None],
    modules: Modules = MODULES,
    java: Java | None = None,
) -> None:
    settings = load_settings()
    repository, java = find_repository(settings.maven_mirror), java or find_java(settings.spark.java_home)
    for _ in range(_ATTEMPTS):
        problem = run_ivy(java, repository, modules, scratch, fetched)
        if problem is None:
            shutil.move(scratch / RETRIEVED, folder)
            return
    raise UnreachableError(
        f"{modules[0][1]} and what it needs could not be fetched from {repository.shown} ({problem}); check "
        "the network, or name a mirror with FRAUD_MAVEN_MIRROR or a proxy with HTTPS_PROXY, and try again"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


if __name__ == "__main__":
    sys.stdout.write(f"locked {relock()} jars in {LOCK}\n")
