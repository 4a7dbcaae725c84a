"""Which files of the lake count: the commits of each partition, a chain of offset ranges.

A range's files are written first and its commit, one small JSON file, last; readers follow the commits and
see nothing else. Each commit starts where the one before ended, so a rerun after a crash continues at the
chain's end, and what the crashed run left behind is nobody's.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Literal

import msgspec

from fraud.errors import DataError
from fraud.lake import Lake

Dataset = Literal["transactions", "labels", "decisions"]

_COMMIT_NAME = re.compile(r"/p(\d+)/\.?(\d{20})-(\d{20})\.json")
_FILE_NAME = re.compile(r"/\.?p(\d+)-(\d{20})-(\d{20})\.parquet")


class LakeFile(msgspec.Struct, frozen=True):
    """A committed Parquet file: one event-time day (UTC) of one partition's range of offsets."""

    path: str
    date: date
    partition: int
    start: int
    end: int
    rows: int
    first_ms: int
    last_ms: int


class Commit(msgspec.Struct, frozen=True):
    """What makes the files of the offsets from `start` up to, not including, `end` count.

    `max_event_time` and `admission` are the state of the partition's `AdmissionFilter` at `end` (earlier
    versions wrote the event time alone). `lost` counts the offsets that Kafka deleted before they were read.
    `reasons` describe the first few refusals.
    """

    dataset: Dataset
    topic: str
    partition: int
    start: int
    end: int
    admitted: int
    refused: int
    reasons: list[str]
    lost: int
    # In files it is `newest`, as in those of earlier versions.
    max_event_time: int = msgspec.field(name="newest")
    files: list[LakeFile]
    rejected: str | None = None
    # The name in the file is that of earlier versions, which read it too.
    admission: list[int] = msgspec.field(name="door", default_factory=list)


def range_name(partition: int, start: int, end: int) -> str:
    """The file name of a partition's range."""
    return f"p{partition}-{start:020d}-{end:020d}.parquet"


def write_commit(lake: Lake, commit: Commit) -> None:
    """Make the commit's files count."""
    path = f"{_commit_folder(commit.dataset)}/p{commit.partition}/{commit.start:020d}-{commit.end:020d}.json"
    lake.write_json(msgspec.to_builtins(commit), path)


def read_commits(lake: Lake, dataset: Dataset) -> list[Commit]:
    """Every commit that counts, by partition and offset.

    Raises:
        DataError: a commit cannot be read.
    """
    paths = _chains(lake.list_files(_commit_folder(dataset), ".json"))
    return _load(lake, paths)


def last_commit(lake: Lake, dataset: Dataset, partition: int) -> Commit | None:
    """Where the partition's chain ends; None before its first range."""
    paths = _chains(lake.list_files(f"{_commit_folder(dataset)}/p{partition}", ".json"))
    return _load(lake, paths[-1:])[0] if paths else None


def committed_files(
    lake: Lake, dataset: Dataset, first_day: date | None = None, last_day: date | None = None
) -> list[LakeFile]:
    """The files of these days (both included), by day, partition and offset."""
    files = [file for commit in read_commits(lake, dataset) for file in commit.files]
    first, last = first_day or date.min, last_day or date.max
    chosen = [file for file in files if first <= file.date <= last]
    return sorted(chosen, key=lambda file: (file.date, file.partition, file.start))


def remove_orphans(lake: Lake, dataset: Dataset, partition: int, position: int) -> list[str]:
    """Remove what names the partition's offsets from `position` on, where its chain of commits ends.

    Such files are what a crashed run wrote before its commit. A commit out there lost the one before it;
    it goes first, because it must not count again once its files are gone.
    """
    commits = _from(position, _COMMIT_NAME, partition, lake.list_all(_commit_folder(dataset)))
    files = _from(position, _FILE_NAME, partition, lake.list_all(dataset))
    for path in (*commits, *files):
        lake.remove(path)
    return [*commits, *files]


def day_of(time_ms: int) -> date:
    """The UTC day of a time in ms."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).date()


def _commit_folder(dataset: Dataset) -> str:
    return f"{dataset}/_commits"


def _chains(paths: Iterable[str]) -> list[str]:
    """The commits that follow each other, by partition; of two with one start the longer counts."""
    ranges = sorted(
        (int(name[1]), int(name[2]), -int(name[3]), path)
        for path in paths
        if (name := _COMMIT_NAME.search(path))
    )
    chains: list[str] = []
    for _, commits in groupby(ranges, key=lambda found: found[0]):
        position = None
        for _, start, negative_end, path in commits:
            if position is None or start == position:
                chains.append(path)
                position = -negative_end
    return chains


def _from(position: int, pattern: re.Pattern[str], partition: int, paths: Iterable[str]) -> list[str]:
    return [
        path
        for path in paths
        if (name := pattern.search(path)) and int(name[1]) == partition and int(name[2]) >= position
    ]


def _load(lake: Lake, paths: list[str]) -> list[Commit]:
    contents = lake.read_many(paths)
    return [_decode(path, contents[path]) for path in paths]


def _decode(path: str, content: bytes) -> Commit:
    try:
        return msgspec.json.decode(content, type=Commit)
    except msgspec.DecodeError as error:
        raise DataError(
            f"the commit {path} of the lake is broken ({error}); delete it, and the next ingest reads on "
            "from where the commit before it ended"
        ) from error
