"""How programs end, with real processes, signals and children."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.serving.world import wait_for

ROOT = Path(__file__).parents[3]
HEAD = """
import os, signal, subprocess, sys, time
from pathlib import Path
from fraud.machine.ending import end_in_order, let_outlive
child = [sys.executable, "-c", "import time; time.sleep(300)"]
def note(*pids):
    Path("pids.new").write_text(" ".join(map(str, pids)))
    Path("pids.new").rename("pids")
"""
ORDERLY = """
end_in_order()
note(subprocess.Popen(child).pid)
try:
    time.sleep(300)
finally:
    Path("cleaned").touch()
"""
STUBBORN = """
end_in_order()
stubborn = ["/bin/sh", "-c", "trap '' TERM; echo; while true; do sleep 1; done"]
started = subprocess.Popen(stubborn, stdout=subprocess.PIPE)
started.stdout.readline()
note(started.pid)
time.sleep(300)
"""
GRANDCHILD = """
end_in_order()
shell = subprocess.Popen(["/bin/sh", "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE)
note(shell.pid, int(shell.stdout.readline()))
time.sleep(300)
"""
STUCK = """
end_in_order(grace_s=1.0)
note(subprocess.Popen(child).pid)
while True:
    try:
        time.sleep(300)
    except BaseException:
        pass
"""
FORKING = """
end_in_order(grace_s=1.0)
pid = os.fork()
if pid == 0:
    time.sleep(300)
os.kill(pid, signal.SIGTERM)
os.waitpid(pid, 0)
time.sleep(3)
note(pid)
time.sleep(300)
"""


def ended_by(number: signal.Signals, script: str, folder: Path, runner: tuple[str, ...] = ()) -> list[int]:
    """Run the script until it has noted its children, send the signal; its exit code and what still runs."""
    command = [*runner, sys.executable, "-c", HEAD + script]
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    # An ignored SIGHUP, as under nohup, would stay so.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    signal.signal(signal.SIGHUP, before)
    try:
        wait_for(lambda: (folder / "pids").exists(), 60)
        process.send_signal(number)
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    return [code, *(pid for pid in pids if runs(pid))]


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_unwinds_the_program_and_ends_its_children(number: signal.Signals, tmp_path: Path) -> None:
    code, *left = ended_by(number, ORDERLY, tmp_path)
    assert code != 0
    assert left == []
    assert (tmp_path / "cleaned").exists()


def test_sigterm_has_the_exit_code_that_shells_expect(tmp_path: Path) -> None:
    assert ended_by(signal.SIGTERM, ORDERLY, tmp_path) == [143]


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    assert ended_by(signal.SIGTERM, STUBBORN, tmp_path) == [143]


def test_children_of_children_are_ended_too(tmp_path: Path) -> None:
    assert ended_by(signal.SIGTERM, GRANDCHILD, tmp_path) == [143]


def test_a_program_that_does_not_unwind_is_ended_by_force(tmp_path: Path) -> None:
    started = time.monotonic()
    assert ended_by(signal.SIGTERM, STUCK, tmp_path) == [143]
    assert time.monotonic() - started < 50


def test_a_signal_to_a_fork_does_not_end_its_parent(tmp_path: Path) -> None:
    # the fork is terminated; its parent goes on for longer than the grace, until it is terminated itself
    assert ended_by(signal.SIGTERM, FORKING, tmp_path) == [143]


def test_what_is_to_outlive_the_program_stays(tmp_path: Path) -> None:
    code, kept = ended_by(
        signal.SIGTERM, ORDERLY.replace("try:", "let_outlive(int(Path('pids').read_text()))\ntry:"), tmp_path
    )
    assert code == 143
    psutil.Process(kept).kill()


def test_a_signal_that_the_parent_ignores_stays_ignored(tmp_path: Path) -> None:
    # as `nohup` starts programs
    script = """
end_in_order()
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
note(subprocess.Popen(child).pid)
time.sleep(300)
"""
    assert ended_by(signal.SIGTERM, script, tmp_path, ("/usr/bin/env", "nohup")) == [143]


def test_every_program_of_flows_serving_and_benchmarks_ends_in_order() -> None:
    # given the files that a user starts
    files = [
        *(ROOT / "flows").glob("*.py"),
        *(ROOT / "benchmarks").glob("**/__main__.py"),
        *(ROOT / name / "__main__.py" for name in ("serving", "deployments/cli")),
    ]
    programs = {file: file.read_text(encoding="utf-8") for file in files}
    # then each of them calls what makes it so
    ways = ("end_in_order(", "run_flow(", "program(")
    started = {file: text for file, text in programs.items() if "__main__" in text or "__main__" in file.name}
    assert [file for file, text in started.items() if not any(way in text for way in ways)] == []
