"""Kafka's jars: fetched by the Ivy that PySpark carries, checked against `jars.lock`, cached for good.

`python -m deployments.local.jars` resolves anew and rewrites the lock.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deployments.local.cache import cache_folder
from deployments.local.java import find_java
from fraud.errors import DataError, UnreachableError

LOCK = Path(__file__).with_name("jars.lock")
MODULES = (
    ("org.apache.kafka", "kafka_2.13", "4.4.0"),
    # Kafka's own jars bring no SLF4J binding; without one the broker is mute.
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),
)
_ATTEMPTS = 3
_FETCHED = "[SUCCESSFUL ]"

Modules = Sequence[tuple[str, str, str]]
"""Organisation, name and revision of each."""

Progress = Callable[[int, int], None]
"""Called with how many jars are there and how many it will be."""


def kafka_jars(progress: Progress | None = None) -> Path:
    """The folder of the locked jars; fetched if this user has not got them.

    Raises:
        UnreachableError: the jars cannot be fetched.
        DataError: a jar is not the locked one.
    """
    lock = _read_lock()
    folder = cache_folder("jars", LOCK.read_bytes())
    if not folder.is_dir():
        _install(folder, lock, progress)
    verify(folder, lock)
    return folder


def verify(folder: Path, lock: dict[str, str]) -> None:
    """Check that the folder holds the locked jars, byte for byte, and nothing else.

    Raises:
        DataError: it does not.
    """
    found = {path.name: _sha256(path) for path in folder.glob("*.jar")}
    wrong = sorted(name for name in lock.keys() | found.keys() if lock.get(name) != found.get(name))
    if wrong:
        raise DataError(
            f"the jar {wrong[0]} in {folder} is not the one that {LOCK.name} names; "
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


def relock() -> int:
    """Resolve the newest-allowed jars of `MODULES` and write their checksums; returns how many."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "jars"
        _retrieve(folder, Path(scratch), lambda: None)
        jars = sorted(folder.glob("*.jar"))
        LOCK.write_text("".join(f"{_sha256(jar)}  {jar.name}\n" for jar in jars), encoding="utf-8")
    return len(jars)


def _read_lock() -> dict[str, str]:
    lines = (line.split() for line in LOCK.read_text(encoding="utf-8").splitlines())
    return {name: checksum for checksum, name in lines}


def _install(folder: Path, lock: dict[str, str], progress: Progress | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    count = 0

    def report() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(min(count, len(lock)), len(lock))

    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        whole = Path(scratch) / "jars"
        _retrieve(whole, Path(scratch), report)
        verify(whole, lock)
        if not folder.is_dir():
            shutil.move(whole, folder)


def _retrieve(folder: Path, scratch: Path, fetched: Callable[[], None], modules: Modules = MODULES) -> None:
    description = scratch / "ivy.xml"
    description.write_text(_ivy_description(modules), encoding="utf-8")
    for _ in range(_ATTEMPTS):
        tail = _run_ivy(description, scratch / "ivy", folder, fetched)
        if tail is None:
            return
    raise UnreachableError(
        f"{modules[0][1]} and what it needs could not be fetched from Maven Central ({tail}); "
        "check the network and try again"
    )


def _run_ivy(description: Path, cache: Path, folder: Path, fetched: Callable[[], None]) -> str | None:
    import pyspark

    java = find_java()
    # fmt: off
    command = [
        str(java.executable), *java.options(), "-cp", f"{Path(pyspark.__file__).parent / 'jars'}/*",
        "org.apache.ivy.Main", "-cache", str(cache), "-ivy", str(description), "-confs", "default",
        "-types", "jar", "bundle", "-retrieve", f"{folder}/[artifact]-[revision].[ext]",
    ]
    # fmt: on
    with subprocess.Popen(  # noqa: S603
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        tail = _follow(process.stdout or (), fetched)
    return None if process.returncode == 0 else tail


def _follow(lines: Iterable[str], fetched: Callable[[], None]) -> str:
    problem = "no answer"
    for line in lines:
        if _FETCHED in line:
            fetched()
        elif "UNRESOLVED" in line or "FAILED" in line or "Exception" in line:
            problem = line.strip()
    return problem


def _ivy_description(modules: Modules) -> str:
    dependencies = "".join(
        f'<dependency org="{organisation}" name="{name}" rev="{revision}" conf="default"/>'
        for organisation, name, revision in modules
    )
    return (
        '<ivy-module version="2.0"><info organisation="fraud" module="embedded-kafka"/>'
        f"<dependencies>{dependencies}</dependencies></ivy-module>"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


if __name__ == "__main__":
    sys.stdout.write(f"locked {relock()} jars in {LOCK}\n")
