"""Commands on unusual consoles and in folders that cannot be used: a sentence at most, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FRAUD = [sys.executable, "-m", "deployments.cli"]


def run(home: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FRAUD, *arguments], env=dict(os.environ) | {"FRAUD_HOME": home} | variables, capture_output=True,
        text=True, errors="replace", check=False, timeout=100,
    )  # fmt: skip


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0"},
        {"COLUMNS": "3"},
        {"TERM": "dumb", "NO_COLOR": "1"},
    ],
)
def test_a_console_of_any_encoding_and_width_is_written_to(tmp_path: Path, variables: dict[str, str]) -> None:
    for command in ("status", "--help"):
        done = run(str(tmp_path / "home"), command, **variables)
        assert done.returncode == (1 if command == "status" else 0), done.stderr
        assert "unexpected" not in done.stderr
        assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_made_is_a_sentence_that_names_it() -> None:
    for command in ("up", "down"):
        done = run("/proc/no-home-of-ours", command)
        assert done.returncode != 0
        assert done.stderr.startswith("error: /proc/no-home-of-ours"), done.stderr
        assert done.stderr.count("\n") == 1


def test_a_pipe_that_closes_early_and_a_closed_output_end_quietly(tmp_path: Path) -> None:
    for script in ('"$@" status | head -c 1; exit ${PIPESTATUS[0]}', '"$@" status >&-'):
        done = subprocess.run(
            ["bash", "-c", script, "bash", *FRAUD], env=dict(os.environ) | {"FRAUD_HOME": str(tmp_path)},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
