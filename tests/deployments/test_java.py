import subprocess
import sys
from pathlib import Path

import pytest

from deployments.local import java
from deployments.local.java import Java, find_java, spark_environment
from fraud.errors import ConfigurationError

VECTOR = "jdk.incubator.vector"


@pytest.fixture
def no_system_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def fake_java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch(mode=0o755)
    (home / "release").write_text(
        f'JAVA_VERSION="{version}"\nMODULES="java.base {VECTOR}"\n', encoding="utf-8"
    )
    return home


def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", "17.0.1")))
    assert find_java() == Java(tmp_path / "jdk", "17.0.1", frozenset({"java.base", VECTOR}), bundled=False)


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_302", "99", "garbage"])
def test_a_java_that_is_not_supported_is_passed_over(
    no_system_java: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", version)))
    assert find_java().bundled


def test_without_any_java_it_says_what_to_install(
    no_system_java: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java, "_bundled_home", lambda: Path("absent"))
    with pytest.raises(ConfigurationError, match="set JAVA_HOME"):
        find_java()


def test_a_java_with_the_vector_module_serves_spark_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", "17.0.1")))
    assert spark_environment()["JAVA_HOME"] == str(tmp_path / "jdk")
    assert spark_environment()["PYSPARK_PYTHON"] == sys.executable


@pytest.mark.parametrize("request_for_vector", [["--add-modules", VECTOR], [f"--add-modules={VECTOR}"]])
def test_the_bundled_java_starts_where_spark_asks_for_the_vector_module(
    no_system_java: None, request_for_vector: list[str]
) -> None:
    # given the java that Spark would run
    executable = Path(spark_environment()["JAVA_HOME"]) / "bin" / "java"
    # when it is asked for the module that it lacks
    done = subprocess.run(
        ["/bin/sh", executable, *request_for_vector, "--add-modules", "java.sql", "-version"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    # then it starts all the same
    assert done.returncode == 0, done.stderr
    assert 'version "21' in done.stderr


def test_the_wrapper_hands_over_every_other_argument_untouched(tmp_path: Path) -> None:
    # given a wrapper around a program that shows its arguments
    wrapper = tmp_path / "java"
    wrapper.write_text(
        java._WRAPPER.format(module=VECTOR, java="/usr/bin/printf", options='"%s|" '), encoding="utf-8"
    )
    # when it is called with spaces, quotes and other modules
    arguments = ["-Da=b c", "--add-modules", VECTOR, "--add-modules", "java.sql", "", "it's"]
    done = subprocess.run(
        ["/bin/sh", wrapper, *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    # then only the module is gone
    assert done.stdout == "-Da=b c|--add-modules|java.sql||it's|"
