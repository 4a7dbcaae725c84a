"""Retention of the lake: days older than the settings allow are removed, counted from the newest payment.

Counting from the newest payment makes it a function of the log, as admission is: a history of past years that
is replayed today is kept as long as one that arrived day by day.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from fraud.ingest.commits import Commit, Dataset, day_of, read_commits, write_commit
from fraud.lake import Lake
from fraud.preprocess.first_day import read_first_day, write_first_day
from fraud.settings import RetentionSettings

_DATASETS: tuple[Dataset, ...] = ("transactions", "labels", "decisions")
_DATED = (*_DATASETS, "features", "profiles/v", "monitoring", "truth")
"""How the paths of files begin that are of one day, which their path names."""
_DAY_OF_PATH = re.compile(r"/(?:date=)?(\d{4}-\d{2}-\d{2})(?:/|\.json$|\.parquet$)")
_SNAPSHOTS = "state"


def prune_lake(lake: Lake, retention: RetentionSettings, now: datetime | None = None) -> list[str]:
    """Remove what is older than the settings allow; returns the paths, relative to the lake's root.

    A killed run is repeated: commits let go of their files first, and files of old days go whether or not a
    commit names them. Snapshots are removed by the time at which they were written: an older one is of
    workers that no longer run, or of other definitions.

    Raises:
        DataError: a commit cannot be read.
    """
    moment = now or datetime.now(UTC)
    removed = _remove(lake, _old_snapshots(lake, moment - timedelta(days=retention.snapshot_days)))
    commits = {dataset: read_commits(lake, dataset) for dataset in _DATASETS}
    first = _first_day(commits["transactions"], retention, moment)
    if first is None or not any(_is_before(first, path) for path in lake.list_all("")):
        return removed
    # Before anything is gone: from here on no day is computed from a part of its payments.
    write_first_day(lake, max(first, read_first_day(lake) or first))
    for commit in (one for dataset in _DATASETS for one in commits[dataset]):
        _let_go(lake, commit, first)
    return removed + _remove(lake, (path for path in lake.list_all("") if _is_before(first, path)))


def _first_day(commits: list[Commit], retention: RetentionSettings, now: datetime) -> date | None:
    """The first day that is kept; None: all are."""
    if retention.lake_days < 0 or not commits:
        return None
    newest = min(max(commit.max_event_time for commit in commits), round(now.timestamp() * 1_000))
    return day_of(newest) - timedelta(days=retention.lake_days)


def _let_go(lake: Lake, commit: Commit, first: date) -> None:
    """Take the files of old days out of a commit, and what it refused if all of it is old."""
    files = [file for file in commit.files if file.date >= first]
    is_old = day_of(commit.max_event_time) < first
    rejected = None if is_old else commit.rejected
    if (len(files), rejected) == (len(commit.files), commit.rejected):
        return
    write_commit(lake, msgspec.structs.replace(commit, files=files, rejected=rejected))
    if is_old and commit.rejected:
        lake.remove(commit.rejected)


def _is_before(first: date, path: str) -> bool:
    """Whether a path is of an earlier day."""
    found = _DAY_OF_PATH.search(path) if path.startswith(_DATED) else None
    return found is not None and found[1] < str(first)


def _old_snapshots(lake: Lake, before: datetime) -> Iterator[str]:
    return (path for path in lake.list_all(_SNAPSHOTS) if lake.modified(path) < before)


def _remove(lake: Lake, paths: Iterable[str]) -> list[str]:
    removed = list(paths)
    for path in removed:
        lake.remove(path)
    return removed
