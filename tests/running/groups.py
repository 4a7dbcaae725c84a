"""Groups of tests that run on one worker of `pytest -n`, in the order in which the groups start.

`--dist loadgroup` keeps the tests of a group together. A group shares what is slow to start. A file that is
not listed is its own group. The longest groups start first, so that no worker is left alone with one.
"""

from pathlib import PurePosixPath

import pytest

GROUPS: dict[str, tuple[str, ...]] = {
    # This group shares a Prefect server. Its first tests need no compiled features ...
    "prefect": (
        "tests/flows/test_orchestrating.py",
        "tests/flows/test_deploying.py",
        "tests/flows/test_refused.py",
        "tests/flows",
    ),
    "drift": ("tests/flows/test_drift_loop.py",),
    # ... while this one compiles them, for both.
    "features": ("tests/fraud/features",),
    "spark": ("tests/flows/preprocess/test_preprocess.py", "tests/fraud/training/test_spark_engine.py"),
    "security": ("tests/security", "tests/deployments/cli/test_acl.py"),
    "stack": ("tests/deployments/local/test_stack.py",),
    "serving": ("tests/serving/test_engine.py",),
    "snapshots": ("tests/serving/state/test_snapshots.py",),
    "redrive": ("tests/producer/test_redrive.py",),
    # Shares a schema registry.
    "formats": ("tests/fraud/messages/formats",),
    "models": ("tests/fraud/evaluation/backtest",),
}
"""Folders and files of each group, in their order; the files of no group follow."""

_ENTRIES = [(PurePosixPath(path), group) for group, paths in GROUPS.items() for path in paths]


def mark_groups(items: list[pytest.Item]) -> None:
    """Mark each test with its group."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item.nodeid)))


def sort_by_group(items: list[pytest.Item]) -> None:
    """Sort the tests by group, in the order of `GROUPS`."""
    items.sort(key=lambda item: _entry_index(_file(item.nodeid)))


def group_of(nodeid: str) -> str:
    """The group of a test: of its file, of the innermost listed folder, or the file itself."""
    file = _file(nodeid)
    index = _entry_index(file)
    return _ENTRIES[index][1] if index < len(_ENTRIES) else str(file)


def _entry_index(file: PurePosixPath) -> int:
    """The index of the entry of the file or its innermost folder; the number of entries if it has none."""
    paths = [path for path, _ in _ENTRIES]
    return next((paths.index(path) for path in (file, *file.parents) if path in paths), len(paths))


def _file(nodeid: str) -> PurePosixPath:
    return PurePosixPath(nodeid.partition("::")[0])
