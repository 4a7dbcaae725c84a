"""What is older than the settings allow goes, from a real lake and a real home."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.ingest.commits import committed_files, day_of, last_commit, read_commits
from fraud.lake import Lake, open_lake
from fraud.preprocess.days import DayManifest, day_folder, read_days, write_day
from fraud.preprocess.first_day import first_whole_day, history_of_a_day
from fraud.preprocess.period import choose_period
from fraud.privacy.home_retention import prune_home
from fraud.privacy.lake_retention import prune_lake
from fraud.settings import RetentionSettings, Settings
from tests.definitions import V1
from tests.fraud.lakes import GrowingLake
from tests.fraud.streams import START_MS, label, transaction

DAYS = 700
FIRST = day_of(START_MS)
LAST = FIRST + timedelta(days=DAYS - 1)
RETENTION = RetentionSettings(lake_days=540)


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    """A payment on each of 700 days, some labels, and training rows of some days."""
    growing = GrowingLake(local_settings, open_lake(local_settings))
    growing.add(growing.transactions, [transaction(one, START_MS + one * DAY_MS) for one in range(DAYS)], 50)
    growing.add(growing.labels, [label(one, START_MS + one * DAY_MS) for one in range(0, DAYS, 50)])
    for day in (FIRST, LAST):
        path = f"{day_folder('features/v1', day)}/part-0.parquet"
        growing.lake.write_table(pa.table({"card_id": ["card-1"]}), path)
        write_day(growing.lake, "features/v1", DayManifest(day, "inputs", [path], 1))
        growing.lake.write_json({}, f"monitoring/{day}.json")
    return growing.lake


def first_kept(lake: Lake) -> date:
    """540 days before the newest payment that admission believes."""
    newest = max(commit.max_event_time for commit in read_commits(lake, "transactions"))
    return day_of(newest) - timedelta(days=540)


def days_of(lake: Lake) -> set[date]:
    return {file.date for dataset in ("transactions", "labels") for file in committed_files(lake, dataset)}


def test_old_days_go_with_their_commits_and_the_chain_stays(lake: Lake) -> None:
    # given
    ends = [last_commit(lake, "transactions", partition) for partition in range(2)]
    # when
    removed = prune_lake(lake, RETENTION)
    # then the days that are kept are whole, and nothing of earlier ones is there
    assert removed
    assert min(days_of(lake)) == first_kept(lake) > FIRST
    assert max(days_of(lake)) == LAST
    for file in committed_files(lake, "transactions"):
        assert lake.read_table(file.path).num_rows == file.rows
    assert list(read_days(lake, "features/v1")) == [LAST]
    left = [path for path in lake.list_all("") if str(FIRST) in path]
    assert left == []
    # and the next ingest goes on where the last one ended
    after = [last_commit(lake, "transactions", partition) for partition in range(2)]
    assert [one and one.end for one in after] == [one and one.end for one in ends]
    # and a second run has nothing to do
    assert prune_lake(lake, RETENTION) == []


def test_a_killed_run_is_finished_by_the_next(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a run that is killed after its commits let go of the files
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            prune_lake(lake, RETENTION)
    # when
    prune_lake(lake, RETENTION)
    # then
    assert not [path for path in lake.list_all("") if str(FIRST) in path]
    assert min(days_of(lake)) >= first_kept(lake)


def test_days_whose_payments_are_gone_are_not_computed_again(lake: Lake) -> None:
    # given a lake from which days were removed
    assert choose_period(lake, None, None, LAST, first_whole=first_whole_day(lake, V1)).first == FIRST
    prune_lake(lake, RETENTION)
    # then the days to compute begin where all of their inputs are there
    whole = first_whole_day(lake, V1)
    assert whole == first_kept(lake) + history_of_a_day(V1)
    assert choose_period(lake, None, None, LAST, first_whole=whole).first == whole
    with pytest.raises(DataError, match=f"days before {whole} cannot be computed again"):
        choose_period(lake, first_kept(lake), None, LAST, first_whole=whole)


def test_without_a_limit_all_is_kept(lake: Lake) -> None:
    assert prune_lake(lake, RetentionSettings(lake_days=-1)) == []
    assert min(days_of(lake)) == FIRST


def test_snapshots_that_no_worker_replaces_go(lake: Lake) -> None:
    lake.write_bytes(b"", "state/v1/transactions@x/p0/00000000000000000001.snapshot")
    later = datetime.now(UTC) + timedelta(days=36)
    assert prune_lake(lake, RetentionSettings(lake_days=-1)) == []
    assert prune_lake(lake, RetentionSettings(lake_days=-1), later) == [
        "state/v1/transactions@x/p0/00000000000000000001.snapshot"
    ]


def test_files_of_the_home_go_by_when_they_were_written(tmp_path: Path) -> None:
    # given an old and a young file of a folder that is ours, and an old one of a server
    old, young, other = (tmp_path / name for name in ("rejected/a.csv", "rejected/b.csv", "kafka/a.log"))
    for path in (old, young, other):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    past = (datetime.now(UTC) - timedelta(days=31)).timestamp()
    for path in (old, other):
        os.utime(path, (past, past))
    # then
    assert prune_home(tmp_path, RetentionSettings()) == [old]
    assert young.exists()
    assert other.exists()
    assert prune_home(tmp_path, RetentionSettings(file_days=-1)) == []
