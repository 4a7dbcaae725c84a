"""What runs published: the newest row of each key at a moment."""

import numpy as np
import pytest

from fraud.lake import Lake, open_lake
from fraud.profiles.layout import profile_columns
from fraud.profiles.making.published_runs import PublishedProfiles, forget_runs, store_run
from fraud.settings import Settings
from tests.definitions import PROFILED

COLUMNS = len(profile_columns(PROFILED, "device_id"))


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    """Three runs; key -9 is in the first and the last, key 5 in the second."""
    lake = open_lake(local_settings)
    for moment, keys in ((100, [-9, 7]), (101, [5]), (104, [-9])):
        figures = np.full((len(keys), COLUMNS), moment)
        store_run(lake, PROFILED, "device_id", moment, np.array(keys), figures)
    return lake


def newest(lake: Lake, *asked: tuple[int, int]) -> list[int | None]:
    """The first figure of each key at a moment."""
    keys, moments = (np.array(column) for column in zip(*asked, strict=True))
    published = PublishedProfiles.read(lake, PROFILED, "device_id", keys)
    figures, found = published.newest(keys, moments)
    return [int(row[0]) if known else None for row, known in zip(figures, found, strict=True)]


def test_the_newest_run_until_the_moment_counts(lake: Lake) -> None:
    asked = [(-9, 99), (-9, 100), (-9, 103), (-9, 104), (-9, 900), (5, 100), (5, 101), (6, 900)]
    assert newest(lake, *asked) == [None, 100, 100, 104, 104, None, 101, None]


def test_nothing_is_known_of_a_field_without_runs(lake: Lake) -> None:
    forget_runs(lake, PROFILED, 1_000)
    assert newest(lake, (-9, 900)) == [None]


def test_old_runs_are_forgotten(lake: Lake) -> None:
    forget_runs(lake, PROFILED, 101)
    assert newest(lake, (7, 900), (5, 900), (-9, 900)) == [None, 101, 104]
