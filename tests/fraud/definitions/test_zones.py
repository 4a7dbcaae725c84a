"""Offsets of time zones, against the standard library's."""

from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.definitions.zones import Zones, country_zones, zone_names, zones_of
from fraud.features.events import code_of

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)


def offset_at(zones: Zones, zone: int, time_ms: int) -> int:
    """What compiled code does, in one line."""
    start, end = zones.bounds[zone : zone + 2]
    return int(zones.offsets[start + np.searchsorted(zones.starts[start:end], time_ms, side="right") - 1])


@given(zone=st.sampled_from(ZONES), second=st.integers(0, 2_556_143_999))
def test_an_offset_is_the_one_of_the_standard_library(zone: str, second: int) -> None:
    # given the arrays of several zones, and a moment from 1970 to 2050
    zones = zones_of(ZONES, by_country=False)
    # when we look its offset up
    found = offset_at(zones, zones.names.index(zone), second * 1_000)
    # then it is the one that the zone has then, by the same edition of the database
    with (files("tzdata") / "zoneinfo" / zone).open("rb") as file:
        expected = datetime.fromtimestamp(second, ZoneInfo.from_file(file)).utcoffset()
    assert expected is not None
    assert found == expected.total_seconds() * 1_000


@pytest.mark.parametrize(
    ("before", "offset_hours"), [("2026-03-29T00:59:59.999", 1), ("2026-03-29T01:00:00.000", 2)]
)
def test_the_offset_changes_to_the_millisecond(before: str, offset_hours: int) -> None:
    time_ms = round(datetime.fromisoformat(f"{before}+00:00").timestamp() * 1_000)

    assert offset_at(zones_of(["Europe/Berlin"], by_country=False), 1, time_ms) == offset_hours * 3_600_000


def test_a_country_is_known_by_its_code() -> None:
    # given the zones of all countries
    zones = zones_of([], by_country=True)
    # when we look countries up by the code of their category
    found = {code: zones.names[zones.by_country[code_of(code)]] for code in country_zones()}
    # then each has the zone in which most of its people live, and no two share a code
    assert found == country_zones()
    assert (zones.by_country >= 0).sum() == len(found)
    assert [found[code] for code in ("DE", "US", "AU", "RU", "BR")] == [
        "Europe/Berlin", "America/New_York", "Australia/Sydney", "Europe/Moscow", "America/Sao_Paulo",
    ]  # fmt: skip
    assert zones.by_country[code_of("ZZ")] == -1
    assert zones.by_country[0] == -1


def test_every_zone_of_a_country_exists() -> None:
    assert set(country_zones().values()) <= zone_names()


def test_utc_alone_needs_one_transition() -> None:
    zones = zones_of([], by_country=False)

    assert zones.names == ("UTC",)
    assert zones.bounds.tolist() == [0, 1]
    assert zones.offsets.tolist() == [0]
