"""What a restart begins from, and the tables of the parts beside the peers."""

from pathlib import Path

from benchmarks.serving import client_settings
from benchmarks.serving.systems import peers, restarts
from fraud.settings import Settings


def test_flink_begins_from_its_last_complete_checkpoint(tmp_path: Path) -> None:
    # given checkpoints 9 and 10, and 11, which was not completed
    for name in ("chk-9/_metadata", "chk-10/_metadata", "chk-11/part"):
        file = tmp_path / "job" / name
        file.parent.mkdir(parents=True)
        file.touch()
    # then it is 10, by its number and not by its name
    assert peers._newest_checkpoint(tmp_path).endswith("/job/chk-10")


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert peers._newest_checkpoint(tmp_path / "missing") == ""


def test_snapshots_are_complete_when_their_newest_offsets_make_up_all_payments(
    local_settings: Settings,
) -> None:
    # given two snapshots of a partition, and one of another
    for name in ("p0/00000000000000000005", "p0/00000000000000000007", "p1/00000000000000000004"):
        file = local_settings.home / "lake" / "state" / f"{name}.snapshot"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    # then the newest count
    assert restarts._snapshot_offsets(local_settings) == 11


def test_only_a_jvm_has_a_heap_in_the_table() -> None:
    rows = [
        {"name": "engine", "restart_s": 5.0, "resident_mb": 900.0, "heap_mb": 0.0, "disk_mb": 1_200.0},
        {"name": "peer", "restart_s": 9.0, "resident_mb": 2_000.0, "heap_mb": 310.0, "disk_mb": 0.0},
    ]
    lines = list(restarts._table({"cards": 10, "messages": 20, "rows": rows}))
    assert lines[-2:] == ["| engine | 5.0 | 900 |  | 1,200 |", "| peer | 9.0 | 2,000 | 310 | 0 |"]


def test_one_engine_of_each_delivery_mode_has_the_settings_as_they_are() -> None:
    unchanged = [change.delivery for change in client_settings.CHANGES if change.text == "as they are"]
    assert sorted(unchanged) == ["at_least_once", "exactly_once"]
