"""The environment variables under which PySpark starts, whatever the surroundings are."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from fraud.errors import ConfigurationError
from fraud.machine.cache import cache_folder, write_whole
from fraud.machine.java import VECTOR_MODULE, Java, find_java
from fraud.machine.locales import utf8_environment

_START_TIMEOUT_S = 120
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
exec {java} {options}"$@"
"""


def spark_environment(named: Path | None = None) -> dict[str, str]:
    """The variables that lead Spark to the Java, the Spark and the Python that are ours.

    Args:
        named: the Java home of the settings.

    Raises:
        ConfigurationError: there is no usable Java or no PySpark.
    """
    return {
        "JAVA_HOME": str(java_home_for_spark(find_java(named))),
        # Spark's scripts would look for it with a command line that a space in the path breaks, and another
        # Spark of this machine is of another version.
        "SPARK_HOME": str(spark_home()),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    } | utf8_environment()


def spark_home() -> Path:
    """The folder of the installed PySpark.

    Raises:
        ConfigurationError: it is not installed.
    """
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("PySpark is not installed here; run `make setup`, or use the image `flows`")
    return Path(spec.submodule_search_locations[0])


def spark_version(named: Path | None = None) -> str:
    """What Spark says of itself when it is really started, as a session would start it.

    Raises:
        ConfigurationError: it does not start.
    """
    command = [str(spark_home() / "bin" / "spark-submit"), "--version"]
    environment = dict(os.environ) | spark_environment(named)
    try:
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, text=True, errors="replace", check=False,
            timeout=_START_TIMEOUT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"Spark does not start with {environment['JAVA_HOME']}: {error}") from error
    output = done.stderr + done.stdout
    version = re.search(r"version ([0-9.]+)", output)
    if done.returncode != 0 or version is None:
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no message")
        raise ConfigurationError(f"Spark does not start with {environment['JAVA_HOME']}: {last.strip()}")
    return version[1]


def java_home_for_spark(java: Java) -> Path:
    """The Java's own home, or one made of a script around it where it lacks the module that Spark wants."""
    if java.has_vector:
        return java.home
    options = "".join(f"{_quoted(option)} " for option in java.options())
    script = _WRAPPER.format(module=VECTOR_MODULE, java=_quoted(str(java.executable)), options=options)
    # A path whose bytes are not UTF-8 goes into the script as it came.
    content = script.encode("utf-8", "surrogateescape")
    home = cache_folder("java-for-spark", content)
    write_whole(home / "bin" / "java", content, mode=0o755)
    return home


def _quoted(text: str) -> str:
    """A word of a shell script; unlike shlex's always in quotes, so that the wrapper reads evenly."""
    return "'" + text.replace("'", "'\"'\"'") + "'"
