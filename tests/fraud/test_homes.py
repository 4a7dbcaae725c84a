"""Homes whose paths mean something to a shell, to a pattern, to an address or to a list."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from deployments.local.processes import spawn
from deployments.local.stack import Stack
from fraud.errors import ConfigurationError
from fraud.lake import open_lake
from fraud.settings import load_settings

KINDS = [
    "with space", "a,b", "a[b]c", "a{b}", "it's", 'say "so"', "Söhne", "no #1", "50%41", "a*b", "$HOME", "~x",
    "a::b", "a;b&c|d", "back\\slash", "-dash", "x" * 200, "日本",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_lake_of_such_a_home_is_written_and_read(tmp_path: Path, kind: str) -> None:
    lake = open_lake(load_settings(home=tmp_path / kind))
    lake.write_table(pa.table({"x": [1]}), "t/date=2026-01-01/p.parquet")
    lake.write_json({"a": 1}, "c/a.json")
    assert (tmp_path / kind / "lake" / "c" / "a.json").is_file()
    assert lake.list_files("t") == ["t/date=2026-01-01/p.parquet"]
    assert lake.read_table("t/date=2026-01-01/p.parquet").num_rows == 1
    assert lake.read_many(["c/a.json"]).keys() == {"c/a.json"}
    lake.remove("t")
    assert lake.list_files("t") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_works_in_such_a_folder(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / kind
    process = spawn("pwd", ["/bin/sh", "-c", "echo made > here"], tmp_path / "log", {}, folder)
    os.waitpid(process.pid, 0)
    assert (folder / "here").read_text() == "made\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_shell_takes_over_such_a_home(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a home whose stack has addresses
    from deployments.cli.stack.env import env

    monkeypatch.setenv("FRAUD_HOME", str(tmp_path / kind))
    monkeypatch.setattr(Stack, "addresses", lambda _: {"PREFECT_API_URL": "http://127.0.0.1:1/api"})
    env()
    # when a shell evaluates what is printed
    script = capsys.readouterr().out + 'printf "%s|%s" "$FRAUD_HOME" "$PREFECT_API_URL"'
    output = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    # then it has the same
    assert output == f"{tmp_path / kind}|http://127.0.0.1:1/api"


def test_the_home_may_be_given_from_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FRAUD_HOME", "~/data")
    assert load_settings().home == tmp_path / "data"


@pytest.mark.parametrize(
    "home", ["what?", "two\nlines", "nul\0", "file", "file/inner", "~nobody-here/x", "raw\udcff"]
)
def test_a_home_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="FRAUD_HOME") as refused:
        load_settings(home=home)
    assert "\n" not in str(refused.value)


def test_the_default_home_in_such_a_folder_needs_no_home_of_the_user(tmp_path: Path) -> None:
    """Containers and services often have none."""
    folder = tmp_path / "wörk, [1]"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "HOME"} | {"LC_ALL": "C"}
    program = "from fraud.settings import load_settings as s; print(s().lake_url.encode())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == repr(str(folder / ".fraud" / "lake").encode())
