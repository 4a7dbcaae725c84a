"""Local times as UTC, from the time zones that come with Python."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001

Millis = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def local_to_utc(local: Millis, zone: str, repeated: str | None) -> tuple[Millis, Mask, Mask]:
    """UTC ms of local ms; which local times occur twice and `repeated` does not choose, and which never.

    Offsets change at quarters of an hour, so each quarter is looked up once.
    """
    quarters, which = np.unique(local // _QUARTER_MS, return_inverse=True)
    found = np.array([_offsets(int(quarter), zone) for quarter in quarters], dtype=np.int64).reshape(-1, 2)
    earlier, later = found[which, 0], found[which, 1]
    twice, never = earlier > later, earlier < later
    offset = np.where(twice & (repeated == "later"), later, earlier)
    return local - offset, twice & (repeated is None), never


@cache
def _offsets(quarter: int, zone: str) -> tuple[int, int]:
    """How far (ms) a zone's clocks are ahead of UTC in a local quarter of an hour: first and second time."""
    try:
        moment = (_EPOCH + timedelta(milliseconds=quarter * _QUARTER_MS)).replace(tzinfo=ZoneInfo(zone))
        first, second = moment.utcoffset(), moment.replace(fold=1).utcoffset()
    except OverflowError:
        return 0, 0
    assert first is not None
    assert second is not None
    return first // timedelta(milliseconds=1), second // timedelta(milliseconds=1)


def moment_of(time_ms: int) -> str:
    """A time (ms) as readable text."""
    try:
        return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"
