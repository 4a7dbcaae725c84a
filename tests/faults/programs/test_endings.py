"""Every program, ended by a signal while it has children, leaves no process behind.

The processes of a test carry its mark in their environment, which children inherit.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.serving.world import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[3]
MARK = "FRAUD_TEST_MARK"
PREFECT, KAFKA, SPARK, PYTHON = "create_app", "kafka.Kafka", "org.apache.spark", "python"
START_S = 240.0
END_S = 90.0


@dataclass(frozen=True)
class Program:
    """A program, and a word of its child's command line that says that the moment has come."""

    arguments: tuple[str, ...]
    child: str

    def __str__(self) -> str:
        return " ".join(self.arguments)


def flow(name: str, *options: str) -> Program:
    return Program((f"flows/{name}.py", *options), PREFECT)


def module(name: str, *options: str, child: str = KAFKA) -> Program:
    return Program(("-m", name, *options), child)


FLOWS = [
    flow("backtest", "--start", "2026-06-01"),
    *map(flow, ("ingest", "monitor", "preprocess", "profiles", "retrain", "serve", "train")),
]
COMMANDS = [
    module("deployments.cli", "up"),
    module("deployments.cli", "demo"),
    module("serving", "--workers", "2", child="--with-parent"),
]
BENCHMARKS = [
    module("benchmarks"),
    module("benchmarks.serving", "throughput", "--tiny"),
    module("benchmarks.decisions", "serving", "--tiny"),
    module("benchmarks.decisions.what_if"),
    module("benchmarks.definitions", "throughput", "--tiny"),
    module("benchmarks.gateway"),
    module("benchmarks.first_hour"),
    module("benchmarks.screenshots", "--only-learn"),
    module("benchmarks.preprocess", "0.01", child=SPARK),
    module("benchmarks.promotion", "--months", "50", child=PYTHON),
    module("benchmarks.quality", "--cards", "300", child="flows/backtest.py"),
]


@contextmanager
def started(program: Program, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The program, with a mark of its own; whatever the test finds, nothing stays."""
    mark = uuid.uuid4().hex
    # Kafka at an address that refuses: what asks for it goes on asking while the signal comes.
    environment = dict(os.environ) | {
        MARK: mark,
        "FRAUD_HOME": str(folder / "home"),
        "PREFECT_HOME": str(folder / "prefect"),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "FRAUD_KAFKA__REQUEST_TIMEOUT_S": "120",
        "PYTHONPATH": str(ROOT),
    }
    with (folder / "output").open("wb") as output:
        command = [sys.executable, *program.arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process, mark
    finally:
        process.kill()
        for one in marked(mark):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def marked(mark: str) -> list[psutil.Process]:
    """The processes that carry the mark; zombies have no environment any more."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def child_of(process: subprocess.Popen[bytes], mark: str, word: str) -> bool:
    """Whether the program has the child that the test waits for; fails if it ended before."""
    assert process.poll() is None, "it ended before the signal"
    for one in marked(mark):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if one.pid != process.pid and word in " ".join(one.cmdline()):
                return True
    return False


def left_after(program: Program, number: signal.Signals, folder: Path, pause_s: float = 0.0) -> list[str]:
    """Start the program, end it by the signal when it has children; the command lines of what is left."""
    with started(program, folder) as (process, mark):
        try:
            wait_for(lambda: child_of(process, mark, program.child), START_S)
            time.sleep(pause_s)
            process.send_signal(number)
            process.wait(END_S)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise AssertionError(f"{error}\n{(folder / 'output').read_text()[-2_000:]}") from error
        return [" ".join(one.cmdline()) for one in marked(mark)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
@pytest.mark.parametrize("program", [*FLOWS, *COMMANDS], ids=str)
def test_a_flow_or_command_ended_by_a_signal_leaves_nothing(
    program: Program, number: signal.Signals, tmp_path: Path
) -> None:
    assert left_after(program, number, tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_flow_ended_in_the_middle_of_its_run_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    assert left_after(flow("retrain"), number, tmp_path, pause_s=15.0) == []


@pytest.mark.parametrize("program", BENCHMARKS, ids=str)
def test_a_terminated_benchmark_leaves_nothing(program: Program, tmp_path: Path) -> None:
    assert left_after(program, signal.SIGTERM, tmp_path) == []
