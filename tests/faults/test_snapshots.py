"""Snapshots that are damaged, half-written, or written to a full disk."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud.settings import Settings
from tests.faults.conftest import SERVING, CheckScene, FaultSettings
from tests.faults.harness.disk import fill_disk, mounted_disk
from tests.faults.harness.load import PARTITIONS
from tests.faults.harness.scene import scene
from tests.faults.harness.workers import Worker
from tests.serving.damage import DAMAGES, damage
from tests.serving.world import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(200)]

OFTEN = {"snapshot_interval_s": 0.3, "commit_interval_s": 0.05}
"""Many drafts to strike at; and still the older of two snapshots is not ahead of what is committed."""


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_snapshots_are_damaged(fault_settings: Settings, check_scene: CheckScene, kind: str) -> None:
    with scene(fault_settings) as made:
        # given
        lake, worker = fault_settings.home / "lake", made.workers[0]
        _wait_for_all_snapshots(lake)
        worker.kill()

        # when
        for file in _snapshots(lake):
            damage(file, kind, fault_settings.home)
        seconds = made.kill_and_restart(worker)

        # then
        assert worker.restored_from("replay") == PARTITIONS
        check_scene(made, f"kill -9, all snapshots {kind}", seconds)


def test_kill_9_while_writing_a_snapshot(
    make_fault_settings: FaultSettings, broker: str, check_scene: CheckScene
) -> None:
    settings = make_fault_settings(broker, serving=SERVING | OFTEN)
    with scene(settings) as made:
        # given
        lake, worker = settings.home / "lake", made.workers[0]
        _wait_for_all_snapshots(lake)

        # when
        _stop_in_the_middle_of_a_snapshot(worker, lake)
        seconds = made.kill_and_restart(worker)

        # then
        assert _drafts(_folders(lake))
        assert worker.restored_from("snapshot") == PARTITIONS
        check_scene(made, "kill -9 while writing a snapshot", seconds)


def test_the_disk_is_full_while_writing_snapshots(
    make_fault_settings: FaultSettings, broker: str, check_scene: CheckScene, small_disk: Path
) -> None:
    settings = make_fault_settings(broker, lake={"url": str(small_disk)})
    with scene(settings) as made:
        # given
        worker = made.workers[0]
        _wait_for_all_snapshots(small_disk)

        # when
        filler = fill_disk(small_disk)
        wait_for(lambda: worker.counted('fraud_snapshots_total{outcome="failed"}') > PARTITIONS)
        made.wait_until_scoring()
        seconds = made.kill_and_restart(worker)
        restored = worker.restored_from("snapshot")
        filler.unlink()
        wait_for(lambda: worker.counted('fraud_snapshots_total{outcome="written"}') > PARTITIONS)

        # then
        assert restored == PARTITIONS
        check_scene(made, "disk full while writing snapshots, kill -9 upon it", seconds)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB; only root may mount one."""
    with mounted_disk(tmp_path / "disk", 64) as folder:
        yield folder


def _wait_for_all_snapshots(lake: Path) -> None:
    wait_for(lambda: len({file.parent for file in _snapshots(lake)}) == PARTITIONS)


def _snapshots(lake: Path) -> list[Path]:
    return [file for file in lake.rglob("*.snapshot") if not file.name.startswith(".")]


def _folders(lake: Path) -> list[Path]:
    return list(lake.glob("state/*/*/p*"))


def _drafts(folders: list[Path]) -> list[str]:
    return [entry.name for folder in folders for entry in os.scandir(folder) if entry.name.startswith(".")]


def _stop_in_the_middle_of_a_snapshot(worker: Worker, lake: Path) -> None:
    """Stop the worker at moments when a draft is there, until it stands still with one."""
    folders = _folders(lake)
    for _ in range(1_000):
        wait_for(lambda: _drafts(folders), every_s=0.0)
        worker.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.process.pid, os.WSTOPPED | os.WNOWAIT)
        if _drafts(folders):
            return
        worker.signal(signal.SIGCONT)
    raise AssertionError("no snapshot was caught being written")
