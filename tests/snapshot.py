"""Snapshots: what a change does to what we deploy shows as a diff of a file.

`UPDATE_SNAPSHOTS=1 make test ARGS=tests/test_prefect_yaml.py` rewrites them.
"""

import os
from pathlib import Path

_FOLDER = Path(__file__).parent / "snapshots"
_UPDATE = "UPDATE_SNAPSHOTS"


def assert_snapshot(name: str, text: str) -> None:
    """Compare `text` with the recorded one.

    Raises:
        AssertionError: they differ, or nothing is recorded.
    """
    path = _FOLDER / name
    if os.environ.get(_UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no snapshot {name}; record it with {_UPDATE}=1 and read it"
    assert text == path.read_text(encoding="utf-8"), (
        f"{name} changed; if it should, record it with {_UPDATE}=1"
    )
