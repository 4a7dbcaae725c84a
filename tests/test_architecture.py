"""The house keeps its order: who may import whom, and what no file may contain."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "fraud": set(),
    "producer": {"fraud"},
    "serving": {"fraud"},
    "tasks": {"fraud", "serving"},
    "flows": {"fraud", "producer", "serving", "tasks"},
}
EVERY_ROOM = {*ROOMS, "deployments", "benchmarks", "tests"}
SERVERS = {"prefect", "fastapi", "airflow"}


def imports_of(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_data_flows_forwards_through_the_rooms(room: str) -> None:
    # given every file of a room
    files = sorted((ROOT / room).rglob("*.py"))
    # when we look at what they import of ours
    backwards = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in (imports_of(file) & EVERY_ROOM) - ROOMS[room] - {room}
    }
    # then nobody reaches back
    assert not backwards


def test_the_domain_knows_no_server() -> None:
    reaching = {str(file) for file in (ROOT / "fraud").rglob("*.py") if imports_of(file) & SERVERS}
    assert not reaching


def tracked_text_files() -> list[Path]:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.splitlines() if not name.endswith((".png", ".lock", ".parquet"))]


def test_no_secret_is_in_the_repository() -> None:
    # given what keys look like
    key = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|gh[pousr]_[A-Za-z0-9]{36}")
    # then no file holds one
    assert not [file for file in tracked_text_files() if file.exists() and key.search(file.read_text())]
