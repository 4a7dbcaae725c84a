import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fraud.errors import ConfigurationError
from fraud.machine import java
from fraud.machine.java import VECTOR_MODULE, find_java
from fraud.machine.spark_environment import _WRAPPER, java_home_for_spark, spark_environment, spark_version

REAL = Path(shutil.which("java") or "absent")


@pytest.fixture
def no_system_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No JAVA_HOME, and a PATH with everything but `java`; returns the folder that is the PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    for program in ("bash", "sh", "dirname", "ps", "env", "cat", "uname"):
        found = shutil.which(program)
        if found:
            (folder / program).symlink_to(found)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    java._warn.cache_clear()
    return folder


def fake_java(home: Path, version: str) -> Path:
    """A home whose `java` says that it is of this version."""
    script = f'#!/bin/sh\nprintf "    java.home = %s\\n    java.version = {version}\\n" "{home}" >&2\n'
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text(script, encoding="utf-8")
    (home / "bin" / "java").chmod(0o755)
    return home


def test_the_order_is_setting_java_home_path_bundled(
    no_system_java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given one of each, then each is found once those before it are gone
    assert find_java().source == "the bundled one"
    on_path = fake_java(tmp_path / "of the path", "17.0.3")
    (no_system_java / "java").symlink_to(on_path / "bin" / "java")
    assert (find_java().source, find_java().home) == ("the PATH", on_path)
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "home, [of] ümläut's #1 50%", "21.0.2")))
    assert (find_java().source, find_java().version) == ("JAVA_HOME", "21.0.2")
    named = find_java(fake_java(tmp_path / "named", "25"))
    assert (named.source, named.version) == ("FRAUD_SPARK__JAVA_HOME", "25")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_302", "16.0.1", "99", "garbage"])
def test_a_java_home_of_another_version_is_passed_over_with_a_warning(
    no_system_java: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    version: str,
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", version)))
    with caplog.at_level(logging.WARNING):
        found = find_java()
    assert found.source == "the bundled one"
    assert f"JAVA_HOME is {tmp_path / 'jdk'}, which is Java {version}, not 17 to 25" in caplog.text
    assert found.passed_over


def broken_homes(folder: Path) -> dict[str, Path]:
    """Homes that hold no Java that starts, by what the sentence about them says."""
    silent, foreign, locked, empty = (folder / name for name in ("silent", "foreign", "locked", "empty"))
    empty.mkdir(parents=True)
    for home in (silent, foreign, locked):
        (home / "bin").mkdir(parents=True)
    (silent / "bin" / "java").write_text("#!/bin/sh\necho 'no libjvm.so' >&2\nexit 1\n")
    (silent / "bin" / "java").chmod(0o755)
    (foreign / "bin" / "java").write_bytes(b"\x7fELF of another machine")
    (foreign / "bin" / "java").chmod(0o755)
    (locked / "bin" / "java").touch(0o644)
    return {
        "no bin/java": folder / "missing",
        "which has no bin/java": empty,
        "no libjvm.so": silent,
        "does not start": foreign,
        "Permission denied": locked,
    }


def test_a_broken_java_home_is_passed_over_and_a_broken_setting_is_refused(
    no_system_java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sentence, home in broken_homes(tmp_path / "broken").items():
        monkeypatch.setenv("JAVA_HOME", str(home))
        assert sentence in find_java().passed_over[0]
        with pytest.raises(ConfigurationError, match=sentence) as refused:
            find_java(home)
        assert "FRAUD_SPARK__JAVA_HOME" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_without_any_java_it_says_what_was_tried_and_what_to_install(
    no_system_java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java, "_bundled_home", lambda: None)
    monkeypatch.setenv("JAVA_HOME", "/nowhere at all")
    with pytest.raises(ConfigurationError, match=r"JAVA_HOME is /nowhere at all.*set JAVA_HOME"):
        find_java()


def test_a_java_on_the_path_may_be_a_script_that_chooses_one(no_system_java: Path, tmp_path: Path) -> None:
    # given what jenv, asdf and the like put there
    home = fake_java(tmp_path / "versions" / "21", "21.0.1")
    (no_system_java / "java").write_text(f'#!/bin/sh\nexec "{home}/bin/java" "$@"\n')
    (no_system_java / "java").chmod(0o755)
    # then the home is the one that Java names, not the folder above the script
    assert find_java().home == home


def test_an_exchanged_java_is_asked_again(no_system_java: Path, tmp_path: Path) -> None:
    home = fake_java(tmp_path / "jdk", "21.0.1")
    assert find_java(home).version == "21.0.1"
    shutil.rmtree(home)
    fake_java(home, "17.0.9")
    os.utime(home / "bin" / "java", (1, 1))
    assert find_java(home).version == "17.0.9"


def test_a_java_with_the_vector_module_serves_spark_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jdk", "17.0.1")))
    assert spark_environment()["JAVA_HOME"] == str(tmp_path / "jdk")
    assert spark_environment()["PYSPARK_PYTHON"] == sys.executable


@pytest.mark.parametrize(
    "request_for_vector", [["--add-modules", VECTOR_MODULE], [f"--add-modules={VECTOR_MODULE}"]]
)
def test_the_bundled_java_starts_where_spark_asks_for_the_vector_module(
    no_system_java: Path, request_for_vector: list[str]
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


def test_the_home_made_for_spark_is_itself_a_java_home(
    no_system_java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image names it in its setting, and it holds no file `release`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache with 'quotes', $HOME and ümlauts"))
    made = java_home_for_spark(find_java())
    assert java_home_for_spark(find_java(made)) == made


def test_the_wrapper_hands_over_every_other_argument_untouched(tmp_path: Path) -> None:
    # given a wrapper around a program that shows its arguments
    wrapper = tmp_path / "java"
    wrapper.write_text(
        _WRAPPER.format(module=VECTOR_MODULE, java="/usr/bin/printf", options="'%s|' "), encoding="utf-8"
    )
    # when it is called with spaces, quotes and other modules
    arguments = ["-Da=b c", "--add-modules", VECTOR_MODULE, "--add-modules", "java.sql", "", "it's"]
    done = subprocess.run(
        ["/bin/sh", wrapper, *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    # then only the module is gone
    assert done.stdout == "-Da=b c|--add-modules|java.sql||it's|"


def test_spark_starts_without_a_java_on_the_path_and_without_java_home(
    no_system_java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given another Spark in the surroundings, too
    monkeypatch.setenv("SPARK_HOME", "/opt/spark-of-somebody")
    assert spark_version() == "4.2.0"


def test_a_java_that_cannot_run_spark_is_a_sentence(
    no_system_java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=f"Spark does not start with {tmp_path}"):
        spark_version(fake_java(tmp_path / "jdk", "17.0.1"))
