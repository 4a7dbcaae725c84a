"""Time zones as arrays: when each changes its offset, and which one a country's customers live in."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

UTC_ZONE = "UTC"
_FIRST, _LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1970, 2051))
_STEP = 7 * 86_400
"""No zone changes its offset twice within this, so that a look at each end finds every change."""
_BEFORE_ALL = -(1 << 62)
_CODES = 65_536

# zone.tab lists the zones of a country by geography: the first is not always where most people live.
_MOST_POPULOUS = {
    "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CD": "Africa/Kinshasa",
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia", "DE": "Europe/Berlin",
    "EC": "America/Guayaquil", "ES": "Europe/Madrid", "FM": "Pacific/Chuuk", "GL": "America/Nuuk",
    "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa", "KZ": "Asia/Almaty", "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland", "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby", "PS": "Asia/Hebron",
    "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}  # fmt: skip


class Zones(NamedTuple):
    """Offsets from UTC of the zones that some feature needs; UTC is the first.

    The local time of an event of zone z is `timestamp + offsets[i]`, where i is the last in
    `bounds[z]:bounds[z + 1]` with `starts[i] <= timestamp`.

    Attributes:
        names: of the zones, Z of them.
        bounds: int64 (Z + 1,), which of the transitions are a zone's.
        starts: int64 (T,), ms, sorted within a zone; the first of a zone is before any event.
        offsets: int64 (T,), ms, from that moment on.
        by_country: int16 (65536,), the zone by the code of a country (`FieldType.CATEGORY`), -1 if there is
            no such country.
    """

    names: tuple[str, ...]
    bounds: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    by_country: npt.NDArray[np.int16]


def zones_of(names: Iterable[str], *, by_country: bool) -> Zones:
    """The zones of these names, and of all countries if `by_country`."""
    countries = country_zones() if by_country else {}
    wanted = tuple(dict.fromkeys((UTC_ZONE, *names, *countries.values())))
    found = [_transitions(_file_of(name)) for name in wanted]
    codes = np.full(_CODES, -1, dtype=np.int16)
    for country, zone in countries.items():
        codes[1 + xxh3_64_intdigest(country.encode()) % (_CODES - 1)] = wanted.index(zone)
    return Zones(
        wanted,
        np.cumsum([0, *(len(one) for one in found)], dtype=np.int64),
        np.array([start for one in found for start, _ in one], dtype=np.int64),
        np.array([offset for one in found for _, offset in one], dtype=np.int64),
        codes,
    )


@cache
def zone_names() -> frozenset[str]:
    """The names of all zones."""
    lines = (files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(lines)


@cache
def country_zones() -> dict[str, str]:
    """By the ISO 3166 code of two letters, the zone in which most people of the country live."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    first = {country: zone for country, _, zone, *_ in reversed(rows)}
    return dict(sorted((first | _MOST_POPULOUS).items()))


@cache
def _transitions(file: bytes) -> tuple[tuple[int, int], ...]:
    """Start and offset (ms) of each stretch of a zone, from 1970 to 2050; many zones have the same file."""
    zone = ZoneInfo.from_file(BytesIO(file))
    offset = _offset(zone, _FIRST)
    found = [(_BEFORE_ALL, offset * 1_000)]
    for end in range(_FIRST + _STEP, _LAST, _STEP):
        if (later := _offset(zone, end)) != offset:
            found.append((_change(zone, end - _STEP, end) * 1_000, later * 1_000))
            offset = later
    return tuple(found)


def _file_of(name: str) -> bytes:
    # The package's file, never the machine's own: every process must see the same rules.
    return (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).read_bytes()


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The second at which the offset becomes that of `after`."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == _offset(zone, after):
            after = middle
        else:
            before = middle
    return after


def _offset(zone: ZoneInfo, second: int) -> int:
    found = datetime.fromtimestamp(second, zone).utcoffset()
    return int(found.total_seconds()) if found is not None else 0
