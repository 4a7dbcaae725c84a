"""Checkouts that are measured in turns, variants of payments and definitions, and their worker processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import commit_of
from benchmarks.serving.harness.shapes import PaymentShape, shape

_WORKER = Path(__file__).with_name("worker.py")
_END_S = 30.0


@dataclass(frozen=True)
class Checkout:
    """A folder with the code of a commit, and the interpreter that runs it."""

    folder: Path
    python: str

    @property
    def commit(self) -> str:
        """Its abbreviated commit."""
        return commit_of(self.folder)


HERE = Checkout(Path(__file__).parents[3], sys.executable)


def checkout(folder: Path) -> Checkout:
    """The checkout in a folder; this one's interpreter runs it if it has no environment of its own."""
    own = folder / ".venv" / "bin" / "python"
    return Checkout(folder, str(own) if own.exists() else sys.executable)


@dataclass(frozen=True)
class Variant:
    """What is measured: the code of a checkout with payments of a shape, and their definitions."""

    name: str
    code: Checkout
    shape: PaymentShape

    @property
    def title(self) -> str:
        """What it is, for a table."""
        return {
            "v1": "v1: 11 fields, 49 features",
            "undeclared": "v1, and 20 undeclared fields a message",
            "wide": "40 declared fields, 150 features",
        }.get(self.name, f"v1 of commit {self.code.commit}")


def variants(against: Path | None) -> list[Variant]:
    """This code with each shape, and the code of another checkout with its own v1."""
    found = [Variant(name, HERE, shape(name)) for name in ("v1", "undeclared", "wide")]
    return [Variant("against", checkout(against), shape("v1")), *found] if against else found


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings of the project and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRAUD_")}
    # Without the files of compiled Python that the second would forbid, each start compiles all modules.
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        kept.pop(name, None)
    return kept | dict(variables)


@dataclass(frozen=True)
class Worker:
    """A process that does tasks with the code of a checkout; see `worker.py`."""

    process: "subprocess.Popen[str]"
    log: Path

    def do(self, *words: object) -> dict[str, Any]:
        """Do a task.

        Raises:
            RuntimeError: it failed; has the end of its log.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{words[0]} failed:\n{self.log.read_text(encoding='utf-8')[-4_000:]}")
        return dict(json.loads(answer))


@contextmanager
def worker(code: Checkout, variables: Mapping[str, str], log: Path) -> Iterator[Worker]:
    """A worker until the block ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as sink:
        process = subprocess.Popen(
            [code.python, "-c", _WORKER.read_text(encoding="utf-8")],
            cwd=code.folder,
            env=clean_environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
        try:
            yield Worker(process, log)
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
