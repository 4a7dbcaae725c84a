"""Spark starts whatever the surroundings are: a session in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fraud.machine.test_java import no_system_java

__all__ = ["no_system_java"]

PROGRAM = """
from fraud.settings import load_settings
from fraud.spark import spark_session

with spark_session(load_settings().spark) as spark:
    print("rows", spark.range(0, 7, 1, 1).mapInArrow(lambda batches: batches, "id long").count())
"""


@pytest.mark.spark
def test_a_session_runs_without_a_java_in_a_folder_with_every_kind_of_character(
    no_system_java: Path, tmp_path: Path
) -> None:
    # given no Java but the bundled one, under a locale that knows no umlauts, in such a folder
    folder = tmp_path / "Frau & Söhne, [GmbH] #1 50% 'a' {b} $c"
    folder.mkdir()
    strange = {
        "FRAUD_HOME": str(folder / "home"),
        "TMPDIR": str(folder),
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
    }
    environment = (
        dict(os.environ) | strange | {"FRAUD_SPARK__MASTER": "local[1]", "FRAUD_SPARK__DRIVER_MEMORY": "512m"}
    )
    # when Python workers are made to work
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    # then they do
    assert done.returncode == 0, done.stderr
    assert "rows 7" in done.stdout
