"""Where the lake keeps what is made for profiles, and when a file of before is removed."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from fraud.definitions.definitions import Definitions
from fraud.lake import Lake

_STILL_READ = timedelta(hours=1)
"""A file that was replaced may be in use for so long: the flow runs beside a training."""


def profile_folder(definitions: Definitions) -> str:
    """The folder of all that is made for the profiles of these definitions."""
    return f"profiles/{definitions.profile_digest}"


def remove_replaced(lake: Lake, folder: str, kept: Collection[str], now: datetime | None = None) -> None:
    """Remove the files of a folder that are not in `kept` and that no other run still reads."""
    before = (now or datetime.now(UTC)) - _STILL_READ
    for path in lake.list_all(folder):
        if path not in kept and lake.modified(path) < before:
            lake.remove(path)
