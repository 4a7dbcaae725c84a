"""Clean-up: what killed runs left in the lake and nobody reads."""

from datetime import UTC, datetime, timedelta

from fraud.lake import Lake

_SETTLED = timedelta(hours=6)
"""Younger leftovers may belong to a run that still writes."""


def remove_leftovers(lake: Lake, now: datetime | None = None) -> list[str]:
    """Remove half-written files and probes; returns their paths, relative to the lake's root."""
    before = (now or datetime.now(UTC)) - _SETTLED
    left = [path for path in lake.leftovers() if lake.modified(path) < before]
    for path in left:
        lake.remove(path)
    return left
