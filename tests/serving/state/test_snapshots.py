"""Snapshots on a real broker: they shorten a restart, and a bad one costs a replay only."""

import threading
from pathlib import Path

import pytest

import serving.state.snapshots
from fraud.messages.admission import AdmissionFilter
from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.state.partition_state import PartitionState
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
