"""Programs of a home that a user started by hand: flows, commands, workers of serving and of Prefect.

Nothing records them; they are found among the user's processes, by command line and home. A program belongs
to a home if its settings name it, or name an address of its embedded stack.
"""

import contextlib
import os
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_FLOWS = "flows"
_MODULES = ("deployments.cli", "serving", "prefect.engine", "prefect.flow_engine")
_COMMANDS = ("fraud",)
_PREFECT = ("prefect",)
_HOME = "FRAUD_HOME"
_ADDRESSES = (
    *("PREFECT_API_URL", "FRAUD_KAFKA__BOOTSTRAP_SERVERS"),
    *("FRAUD_REGISTRY__TRACKING_URI", "MLFLOW_TRACKING_URI"),
)


@dataclass(frozen=True)
class HomeProgram:
    """A program that runs, as `ps` has it, but for the path of its interpreter."""

    pid: int
    command: str


def programs_of(home: Path, addresses: Collection[str], known: Collection[int]) -> list[HomeProgram]:
    """The programs of a home, without their own children.

    Args:
        home: of which they are.
        addresses: of its stack's servers, as clients name them.
        known: leaders of process groups that are not meant, such as the stack's servers.
    """
    passed_over = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    found: dict[int, HomeProgram] = {}
    for process in _ours():
        with contextlib.suppress(psutil.Error, OSError):
            command = program_text(process.cmdline())
            is_meant = process.pid not in passed_over and os.getpgid(process.pid) not in known
            if command and is_meant and _belongs(process, home.resolve(), addresses):
                found[process.pid] = HomeProgram(process.pid, command)
    return [one for one in found.values() if not _has_listed_parent(one.pid, found)]


def end_programs(programs: Collection[HomeProgram], grace_s: float) -> list[HomeProgram]:
    """Ask them to end, and the flow runs of a Prefect worker, for which it waits; kill what does not in time.

    Returns:
        Those that had to be killed.
    """
    trees: dict[HomeProgram, list[psutil.Process]] = {}
    for one in programs:
        with contextlib.suppress(psutil.NoSuchProcess):
            leader = psutil.Process(one.pid)
            trees[one] = [leader, *leader.children(recursive=True)]
    everything = [process for tree in trees.values() for process in tree]
    for process in everything:
        with contextlib.suppress(psutil.Error):
            if program_text(process.cmdline()):
                process.terminate()
    _, alive = psutil.wait_procs(everything, timeout=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=1.0)
    return [one for one, tree in trees.items() if set(tree) & set(alive)]


def program_text(cmdline: list[str]) -> str:
    """The command as a user would type it; empty if it is not one of ours."""
    arguments = cmdline[1:] if cmdline and Path(cmdline[0]).name.startswith("python") else cmdline
    if not arguments:
        return ""
    first, name = arguments[0], Path(arguments[0]).name
    if first == "-m" and len(arguments) > 1:
        return _module_text(arguments[1:])
    if name in _COMMANDS or (name in _PREFECT and "worker" in arguments):
        return shlex.join([name, *arguments[1:]])
    if Path(first).parent.name == _FLOWS and name.endswith(".py"):
        return shlex.join(["python", f"{_FLOWS}/{name}", *arguments[1:]])
    return ""


def _module_text(arguments: list[str]) -> str:
    module, *rest = arguments
    if module == "deployments.cli":
        return shlex.join(["fraud", *rest])
    if module in _MODULES or (module in _PREFECT and "worker" in rest):
        return shlex.join(["python", "-m", module, *rest])
    return ""


def _ours() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == os.getuid():
                yield process


def _belongs(process: psutil.Process, home: Path, addresses: Collection[str]) -> bool:
    environment = process.environ()
    if any(environment.get(name) in addresses for name in _ADDRESSES):
        return True
    folder = Path(process.cwd())
    if _HOME in environment:
        return (folder / environment[_HOME]).resolve() == home
    # The same folder has the same `.env`, which may name the home.
    return folder == Path.cwd() or (folder / ".fraud").resolve() == home


def _has_listed_parent(pid: int, listed: Collection[int]) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(parent.pid in listed for parent in psutil.Process(pid).parents())
    return False
