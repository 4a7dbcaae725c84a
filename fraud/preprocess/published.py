"""Published profile versions: the profiles that serving used, even if a day is recomputed later.

A late payment or a late label changes the profiles of days that were served already. The lake has every
published version, so that served features can be checked against them.
"""

from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from fraud.lake import Lake
from fraud.preprocess.days import PROFILES, profile_digest

PUBLISHED = f"{PROFILES}/_published"


def store_published(lake: Lake, day: date, profiles: pa.Table) -> str:
    """Store this version of a day's profiles, before it is published; returns its path in the lake."""
    path = f"{_folder(str(day))}/{profile_digest(profiles)}.parquet"
    if not lake.exists(path):
        lake.write_table(profiles, path)
    return path


def read_published_versions(lake: Lake, days: Iterable[str]) -> dict[str, list[pa.Table]]:
    """Read all published versions of these days (YYYY-MM-DD); a day without one is left out.

    Raises:
        DataError: a file of the lake is broken.
    """
    found = {day: [lake.read_table(path) for path in lake.list_files(_folder(day))] for day in days}
    return {day: versions for day, versions in found.items() if versions}


def _folder(day: str) -> str:
    return f"{PUBLISHED}/date={day}"
