"""How `pytest -n` deals the tests out to its workers: by files, the longest first.

The files of a unit stay together, because they share what is slow to start. Were the longest files dealt out
last, one worker would be left alone with them.
"""

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

UNITS: dict[str, tuple[str, ...]] = {
    # One worker has the Prefect server. It begins with what needs no compiled features ...
    "prefect": (
        "tests/flows/test_orchestrating.py",
        "tests/flows/test_deploying.py",
        "tests/flows/test_refused.py",
        "tests/flows",
    ),
    "drift": ("tests/flows/test_drift_loop.py",),
    # ... while the other compiles these, for both.
    "features": ("tests/fraud/features",),
    "spark": ("tests/flows/test_preprocess.py", "tests/fraud/training/test_spark_engine.py"),
    "security": ("tests/security", "tests/deployments/cli/test_acl.py"),
    "stack": ("tests/deployments/local/test_stack.py",),
    "serving": ("tests/serving/test_engine.py",),
    "snapshots": ("tests/serving/state/test_snapshots.py",),
    "redrive": ("tests/producer/test_redrive.py",),
    "models": ("tests/fraud/evaluation/test_backtest.py",),
}
"""Folders and files of each unit, in their order; every other file is a unit of its own, after these."""

_PLACES = [(PurePosixPath(place), unit) for unit, places in UNITS.items() for place in places]


def dealer(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Gives a worker the next unit whenever it runs out of tests."""
    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit_of
    return scheduler


def unit_of(nodeid: str) -> str:
    """The unit of a test's file."""
    file = _file(nodeid)
    place = place_of(file)
    return _PLACES[place][1] if place < len(_PLACES) else str(file)


def put_in_order(items: list[pytest.Item]) -> None:
    """The tests of `UNITS` before the others."""
    items.sort(key=lambda item: place_of(_file(item.nodeid)))


def place_of(file: PurePosixPath) -> int:
    """Where a file stands: by itself, or by the innermost of its folders that has a place."""
    places = [place for place, _ in _PLACES]
    return next((places.index(path) for path in (file, *file.parents) if path in places), len(places))


def _file(nodeid: str) -> PurePosixPath:
    return PurePosixPath(nodeid.partition("::")[0])
