"""Results of measurements: saved as JSON and rendered as `benchmarks/RESULTS.md`, one section each."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

_JSON = Path(__file__).with_name("results.json")
_TABLES = Path(__file__).with_name("RESULTS.md")
_PACKAGES = ("confluent-kafka", "msgspec", "numba", "numpy", "pyarrow", "pyspark", "xgboost")


@dataclass(frozen=True)
class Section:
    """One measurement: its figures for programs, its table for readers."""

    name: str
    title: str
    figures: dict[str, Any]
    table: Sequence[str]


def conditions() -> str:
    """The machine, the moment, the commit and the versions, in a sentence."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit_of(Path(__file__).parent)}, "
        f"{os.cpu_count()} cores of {platform.machine()} ({_processor()}), "
        f"load {os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    )


def commit_of(folder: Path) -> str:
    """The abbreviated commit of a checkout, with a note if files differ from it; "unknown" without git."""
    command = ("git", "-C", str(folder), "describe", "--always", "--exclude=*", "--dirty= with changes")
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def save_section(section: Section, under: str) -> None:
    """Replace the section of that name, with the conditions `under` which it was measured."""
    known = read()
    known[section.name] = asdict(section) | {"conditions": under}
    _JSON.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    _TABLES.write_text("\n".join(_render(known)) + "\n", encoding="utf-8")


def read() -> dict[str, Any]:
    """Every section by its name."""
    return dict(json.loads(_JSON.read_text(encoding="utf-8"))) if _JSON.exists() else {}


def _render(known: dict[str, Any]) -> Iterator[str]:
    yield "# Results of the benchmarks"
    yield ""
    yield (
        "Written by `python -m benchmarks`, `python -m benchmarks.serving` and "
        "`python -m benchmarks.definitions`; the same as figures in [results.json](results.json). "
        "The machine is shared: trust ratios before rates."
    )
    for section in known.values():
        yield from ("", f"## {section['title']}", "", f"{section['conditions']}.", "", *section["table"])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
