"""Snapshots on a real broker: they shorten a restart, and a bad one costs a replay only."""

import threading
from pathlib import Path

import pytest

import serving.state.snapshots
from fraud.messages.admission import AdmissionFilter
from fraud.settings import MemorySettings, Settings
from serving.ops.metrics import Metrics
from serving.state.partition_state import CommittedPosition, PartitionState
from serving.state.snapshot_format import encode
from serving.state.snapshots import Snapshots
from tests.definitions import V1
from tests.serving.damage import DAMAGES, damage
from tests.serving.offline import mismatches
from tests.serving.world import disorderly, running, send, wait_for, wait_for_predictions

pytestmark = pytest.mark.broker


@pytest.fixture
def snapshotting(serving_settings: Settings) -> Settings:
    """The serving settings with a snapshot of each partition every moment."""
    serving = serving_settings.serving.model_copy(update={"snapshot_interval_s": 0.1})
    return serving_settings.model_copy(update={"serving": serving})


def _files(settings: Settings) -> list[Path]:
    return sorted((settings.home / "lake" / "state").rglob("*.snapshot"))


def _count(metrics: Metrics, name: str, **labels: str) -> float:
    return sum(value for found, value in metrics.samples(name) if found == labels)


def _serve_half(settings: Settings) -> list[dict[str, object]]:
    """Serve the first half until snapshots of all three partitions are there; returns all events."""
    events = disorderly(600)
    send(settings, events[:300])
    with running(settings):
        wait_for_predictions(settings, len({one["transaction_id"] for one in events[:300]}))
        wait_for(lambda: len({file.parent for file in _files(settings)}) == 3)
    send(settings, events[300:])
    return events


@pytest.mark.parametrize("kind", ["whole", *DAMAGES])
def test_a_restart_from_a_snapshot_gives_the_same_features(
    snapshotting: Settings, champion: str, kind: str
) -> None:
    # given
    events = _serve_half(snapshotting)
    for file in _files(snapshotting):
        damage(file, kind, snapshotting.home)

    # when
    with running(snapshotting) as second:
        found = wait_for_predictions(snapshotting, len({one["transaction_id"] for one in events}))

    # then
    source = "snapshot" if kind == "whole" else "replay"
    assert f'fraud_restorations_total{{source="{source}"}} 3.0' in second.metrics.exposition().decode()
    assert mismatches(snapshotting, found) == []


def test_snapshots_of_an_earlier_version_are_counted_and_reported_once_each(
    snapshotting: Settings, champion: str, caplog: pytest.LogCaptureFixture
) -> None:
    # given the snapshots of a version that had no key
    _serve_half(snapshotting)
    files = _files(snapshotting)
    for file in files:
        damage(file, "of an earlier version", snapshotting.home)
    # when workers of this version take over
    with running(snapshotting) as second:
        wait_for(lambda: _count(second.metrics, "fraud_restorations_total", source="replay") == 3)
        refused = _count(second.metrics, "fraud_snapshots_total", outcome="refused")
    # then there is one line for each, which says so
    reported = [one.getMessage() for one in caplog.records if "is not used" in one.getMessage()]
    assert refused == len(reported) == len(files)
    assert all("an earlier version has written it" in one for one in reported)


@pytest.mark.parametrize("kind", ["whole", "missing"])
def test_workers_that_forget_forget_the_same_after_a_restart_and_offline(
    snapshotting: Settings, champion: str, kind: str
) -> None:
    # given workers that remember little of the log
    memory = MemorySettings(seen_once=10, messages=40, payments_per_card=4)
    forgetting = snapshotting.model_copy(update={"memory": memory})
    events = _serve_half(forgetting)
    for file in _files(forgetting):
        damage(file, kind, forgetting.home)
    # when others go on, from the snapshots or from the log
    with running(forgetting) as second:
        found = wait_for_predictions(forgetting, len({one["transaction_id"] for one in events}))
        wait_for(lambda: _count(second.metrics, "fraud_state_forgotten_total", what="cards") > 0)
    # then features are those of a recomputation card by card that forgets the same, and of no other
    assert mismatches(forgetting, found) == []
    assert mismatches(snapshotting, found) != []


@pytest.mark.parametrize("first", [8, 0], ids=["before the start", "beyond the end"])
def test_a_snapshot_of_an_offset_that_the_topic_does_not_have_is_refused(
    snapshotting: Settings, first: int
) -> None:
    # given a snapshot that is authentic, of offset 5
    metrics = Metrics()
    snapshots = Snapshots(snapshotting, metrics)
    snapshots.write(PartitionState(0, 5, AdmissionFilter(V1, snapshotting.admission)))
    assert snapshots.load(0, CommittedPosition(9, None, first=5, end=9)) is not None
    # when the topic starts after it, or ends before it
    end = first + 4
    # then it is refused and counted
    assert snapshots.load(0, CommittedPosition(end, None, first=first, end=end)) is None
    assert _count(metrics, "fraud_snapshots_total", outcome="refused") == 1


def test_files_that_promise_more_than_the_log_has_do_not_push_ours_out(snapshotting: Settings) -> None:
    # given a folder of snapshots into which somebody else can write
    metrics = Metrics()
    snapshots = Snapshots(snapshotting, metrics)
    admission = AdmissionFilter(V1, snapshotting.admission)
    snapshots.write(PartitionState(0, 3, admission))
    (ours,) = _files(snapshotting)
    # when they put files there that come before ours by their names
    for name in (f"{10**20 - 1}", f"{10**19}", "zzz", "yyy"):
        ours.with_name(f"{name}.snapshot").write_bytes(b"theirs")
    for offset in (4, 5, 6):
        snapshots.write(PartitionState(0, offset, admission))
    # then the newest of ours is used, and the oldest are removed as ever
    state = snapshots.load(0, CommittedPosition(6, None, end=9))
    assert state is not None
    assert state.position == 6
    assert [int(file.stem) for file in _files(snapshotting) if file.read_bytes() != b"theirs"] == [5, 6]


def test_a_lake_that_is_down_costs_a_replay(snapshotting: Settings, champion: str) -> None:
    # given
    events = _serve_half(snapshotting)
    lake = {"url": "s3://lake", "s3_endpoint_url": "http://127.0.0.1:1", "s3_key": "k", "s3_secret": "s"}
    changed = snapshotting.model_dump() | {"lake": lake}

    # when
    with running(type(snapshotting).model_validate(changed)) as second:
        found = wait_for_predictions(snapshotting, len({one["transaction_id"] for one in events}))

    # then
    assert 'fraud_restorations_total{source="replay"} 3.0' in second.metrics.exposition().decode()
    assert mismatches(snapshotting, found) == []


def test_serving_goes_on_when_snapshots_cannot_be_written(snapshotting: Settings, champion: str) -> None:
    # given a lake whose place for snapshots is taken by a file
    (snapshotting.home / "lake").mkdir(parents=True)
    (snapshotting.home / "lake" / "state").write_text("in the way")
    send(snapshotting, events := disorderly(100))

    # when
    with running(snapshotting) as engine:
        wait_for(lambda: b'fraud_snapshots_total{outcome="failed"}' in engine.metrics.exposition())
        found = wait_for_predictions(snapshotting, len({one["transaction_id"] for one in events}))

    # then
    assert mismatches(snapshotting, found) == []


def test_a_snapshot_that_the_lake_does_not_take_is_reported_once(
    snapshotting: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a snapshot that is held up
    is_taken, metrics = threading.Event(), Metrics()
    monkeypatch.setattr(serving.state.snapshots, "_OVERDUE_AFTER_S", 0.1)
    monkeypatch.setattr(
        serving.state.snapshots, "encode", lambda *state, key: is_taken.wait(30) and encode(*state, key=key)
    )
    snapshots = Snapshots(snapshotting, metrics)
    state = PartitionState(0, 5, AdmissionFilter(V1, snapshotting.admission))

    def count(outcome: str) -> float:
        snapshots.start_due([state])
        counts = metrics.samples("fraud_snapshots_total")
        return sum(value for labels, value in counts if labels["outcome"] == outcome)

    # when the engine goes on
    wait_for(lambda: count("failed"))
    state.position = 6
    for _ in range(20):
        count("failed")
    # then it is reported once, and no other is started beside it
    assert count("failed") == 1
    assert sum(thread.name == "snapshot" for thread in threading.enumerate()) == 1
    # and when the lake takes it, the next one follows
    is_taken.set()
    wait_for(lambda: count("written") == 2)
