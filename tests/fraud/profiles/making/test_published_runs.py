"""What runs published: the newest row of each key at a moment."""

import numpy as np
import pytest

from fraud.lake import Lake, open_lake
from fraud.profiles.layout import profile_columns
from fraud.profiles.making.published_runs import PublishedProfiles, merge_runs, store_run
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
    asked = [(-9, 100), (-9, 103), (-9, 104), (-9, 900), (5, 101), (5, 102)]
    assert newest(lake, *asked) == [100, 100, 104, 104, 101, 101]


def test_a_key_that_was_not_published_is_new(lake: Lake) -> None:
    # given keys without a row until their moment
    assert newest(lake, (5, 100), (6, 900)) == [0, 0]
    # and a moment of which nothing was published
    assert newest(lake, (-9, 99)) == [None]


def test_nothing_is_known_of_a_field_without_runs(local_settings: Settings) -> None:
    assert newest(open_lake(local_settings), (-9, 900)) == [None]


def test_old_runs_become_one_file_with_the_newest_rows(lake: Lake) -> None:
    before = newest(lake, (7, 900), (5, 900), (-9, 103), (-9, 900))
    merge_runs(lake, PROFILED, 1_000)
    assert len(lake.list_files("profiles")) == 3
    for moment in (103, 103, 1_000, 1_000):
        merge_runs(lake, PROFILED, moment, fewest=2)
        if moment == 103:
            assert newest(lake, (7, 900), (5, 900), (-9, 103), (-9, 900)) == before
            assert len(lake.list_files("profiles")) == 2
    assert len(lake.list_files("profiles")) == 1
    assert newest(lake, (7, 900), (5, 900), (-9, 900)) == [100, 101, 104]


def test_all_that_was_published_of_one_moment_is_kept(lake: Lake) -> None:
    # given a second publication of a moment, of one of its keys
    store_run(lake, PROFILED, "device_id", 100, np.array([-9]), np.full((1, COLUMNS), 555))
    # then the last one counts for that key, and the first is there
    assert newest(lake, (-9, 100), (7, 100)) == [555, 100]
    keys = np.array([-9, 7])
    published = PublishedProfiles.read(lake, PROFILED, "device_id", keys)
    figures, found = published.newest(keys, np.array([100, 100]), before_last=1)
    assert found.tolist() == [True, False]
    assert figures[0, 0] == 100
