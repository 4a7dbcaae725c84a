"""What `fraud down` does about programs that a user started by hand, with real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments.local.programs import end_programs, program_text, programs_of
from tests.deployments.conftest import FraudCommand
from tests.serving.world import wait_for

SLEEPER = "import time\ntime.sleep(300)\n"


@pytest.fixture
def by_hand(home: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A flow of this home, as a user starts it; the file stands for the flow's."""
    file = tmp_path / "flows" / "serve.py"
    file.parent.mkdir()
    file.write_text(SLEEPER)
    command = [sys.executable, str(file), "--debug"]
    process = subprocess.Popen(command, env=dict(os.environ) | {"FRAUD_HOME": str(home)})
    wait_for(lambda: programs_of(home, (), ()))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_down_names_what_was_started_by_hand_and_what_to_do(
    by_hand: subprocess.Popen[bytes], fraud: FraudCommand
) -> None:
    shown = fraud("down")
    assert shown.code == 0, shown.err
    assert f"pid {by_hand.pid}  python flows/serve.py --debug" in shown.out
    assert f"`kill {by_hand.pid}` or with `fraud down --all`" in shown.out
    assert by_hand.poll() is None


def test_down_all_ends_it(by_hand: subprocess.Popen[bytes], fraud: FraudCommand) -> None:
    shown = fraud("down", "--all")
    assert "stopped python flows/serve.py --debug" in shown.out
    assert "still running" not in shown.out
    assert not psutil.pid_exists(by_hand.pid)


def test_down_all_ends_a_program_that_waits_for_its_flow_runs(home: Path, tmp_path: Path) -> None:
    # given a parent that ends only after its child does, as a worker of Prefect's pool
    run = tmp_path / "flows" / "train.py"
    run.parent.mkdir()
    run.write_text(SLEEPER)
    worker = tmp_path / "flows" / "serve.py"
    worker.write_text(
        "import signal, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, {str(run)!r}])\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "child.wait()\n"
    )
    environment = dict(os.environ) | {"FRAUD_HOME": str(home)}
    process = subprocess.Popen([sys.executable, str(worker)], env=environment)
    wait_for(lambda: psutil.Process(process.pid).children())
    found = programs_of(home, (), ())
    # when
    assert [one.pid for one in found] == [process.pid]
    children = psutil.Process(process.pid).children()
    killed = end_programs(found, 20.0)
    process.wait(1)
    # then both have ended, without force
    assert killed == []
    assert not any(child.is_running() for child in children)


def test_what_does_not_end_is_killed_and_named(by_hand: subprocess.Popen[bytes], home: Path) -> None:
    found = programs_of(home, (), ())
    psutil.Process(by_hand.pid).suspend()
    assert end_programs(found, 0.5) == found
    assert not psutil.pid_exists(by_hand.pid)


def test_another_home_is_left_alone_unless_it_uses_these_addresses(
    by_hand: subprocess.Popen[bytes], home: Path, tmp_path: Path
) -> None:
    assert [one.pid for one in programs_of(home, (), ())] == [by_hand.pid]
    assert programs_of(tmp_path / "other", ("127.0.0.1:9092",), ()) == []


def test_a_program_that_names_an_address_of_the_stack_belongs_to_it(tmp_path: Path) -> None:
    file = tmp_path / "flows" / "train.py"
    file.parent.mkdir()
    file.write_text(SLEEPER)
    environment = dict(os.environ) | {"FRAUD_HOME": "elsewhere", "PREFECT_API_URL": "http://127.0.0.1:1/api"}
    process = subprocess.Popen([sys.executable, str(file)], env=environment)
    try:
        wait_for(lambda: programs_of(tmp_path / "home", ("http://127.0.0.1:1/api",), ()))
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("cmdline", "text"),
    [
        (["/v/bin/python", "/v/bin/fraud", "simulate", "--rate", "5"], "fraud simulate --rate 5"),
        (["/v/bin/python3.11", "-m", "deployments.cli", "watch"], "fraud watch"),
        (["python", "-m", "serving", "--workers", "2"], "python -m serving --workers 2"),
        (
            ["python", "/v/bin/prefect", "worker", "start", "--pool", "local"],
            "prefect worker start --pool local",
        ),
        (["python", "flows/retrain.py"], "python flows/retrain.py"),
        (["python", "-m", "prefect", "server", "start"], ""),
        (["python", "-m", "pytest", "tests/flows/test_train.py"], ""),
        (["vim", "flows/serve.py.orig"], ""),
        ([], ""),
    ],
)
def test_programs_are_named_as_a_user_types_them(cmdline: list[str], text: str) -> None:
    assert program_text(cmdline) == text
