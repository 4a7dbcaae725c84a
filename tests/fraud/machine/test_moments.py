"""Times as people read them in a terminal."""

import time
from collections.abc import Iterator

import pytest

from fraud.machine.moments import clock_text, minute_text, moment_text, zone_name

NOON = 1_764_417_600_000
"""2025-11-29 12:00 UTC."""


@pytest.fixture(autouse=True)
def _zone_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "moment", "name"),
    [
        ("UTC", "2025-11-29 12:00:00 UTC", "UTC"),
        ("Europe/Berlin", "2025-11-29 13:00:00 CET", "CET"),
        ("America/New_York", "2025-11-29 07:00:00 EST", "EST"),
    ],
)
def test_times_are_in_the_zone_of_tz_and_name_it(
    monkeypatch: pytest.MonkeyPatch, zone: str, moment: str, name: str
) -> None:
    # given a user's zone
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    # then
    assert (moment_text(NOON), zone_name(NOON)) == (moment, name)
    assert minute_text(NOON) == f"{moment[:16]} {name}"
    assert clock_text(NOON) == moment[11:19]
