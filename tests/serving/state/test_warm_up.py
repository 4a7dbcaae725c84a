"""State of other definitions, made beside a running group."""

import threading
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from fraud.errors import ConfigurationError
from fraud.kafka.clients import consumer_config
from fraud.settings import Settings, load_settings
from serving.ops.metrics import Metrics
from serving.ops.shutdown import StoppedError
from serving.state.warm_up import warm_up
from tests.definitions import EXTENDED, EXTENDED_FILE
from tests.serving.offline import mismatches
from tests.serving.world import disorderly, predictions, running, send, wait_for, wait_for_predictions

pytestmark = pytest.mark.broker


@pytest.fixture
def extended(serving_settings: Settings) -> Settings:
    """The serving settings with the extended definitions and snapshots."""
    serving = serving_settings.serving.model_dump() | {"snapshot_interval_s": 3_600}
    changes = {"definitions": EXTENDED_FILE, "serving": serving}
    return load_settings(**serving_settings.model_dump() | changes)


@pytest.fixture
def extended_replaying_little(extended: Settings) -> Settings:
    """Likewise, for workers that warm up before they join where they would replay 20 messages."""
    serving = extended.serving.model_dump() | {"max_replay": 20}
    return load_settings(**extended.model_dump() | {"serving": serving})


def _positions(settings: Settings) -> list[int]:
    consumer = Consumer(consumer_config(settings, settings.serving.group_id))
    try:
        partitions = [TopicPartition(settings.topics.transactions, number) for number in range(3)]
        return [one.offset for one in consumer.committed(partitions, timeout=10)]
    finally:
        consumer.close()


def exposed(metrics: Metrics) -> str:
    """The samples of an engine."""
    return metrics.exposition().decode()


def _files(settings: Settings) -> list[Path]:
    return sorted((settings.home / "lake" / "state").rglob("*.snapshot"))


def test_workers_of_other_definitions_start_from_what_was_warmed_up(
    serving_settings: Settings, extended: Settings, champion: str
) -> None:
    # given what workers of the shipped definitions have scored
    events = disorderly(600)
    send(serving_settings, events[:300])
    with running(serving_settings):
        wait_for_predictions(serving_settings, len({one["transaction_id"] for one in events[:300]}))
    before, scored = _positions(serving_settings), len(predictions(serving_settings))
    # when the others are warmed up
    warm_up(extended, threading.Event())
    # then there is a snapshot of each partition, in a folder of these definitions
    assert {file.parent.parent.parent.name for file in _files(extended)} == {EXTENDED.tag}
    assert len(_files(extended)) == 3
    # and nothing was committed or published
    assert (_positions(serving_settings), len(predictions(serving_settings))) == (before, scored)
    # and a worker with these definitions goes on from there, with the same champion
    send(extended, events[300:])
    with running(extended) as second:
        found = wait_for_predictions(extended, len({one["transaction_id"] for one in events}))
    assert 'fraud_restorations_total{source="snapshot"} 3.0' in exposed(second.metrics)
    assert {one.definitions for one in found} == {None, EXTENDED.digest}
    assert mismatches(extended, found) == []


def test_a_worker_warms_up_before_it_joins_a_group_that_scores(
    serving_settings: Settings, extended_replaying_little: Settings, champion: str
) -> None:
    # given a worker that has scored
    extended, events = extended_replaying_little, disorderly(300)
    send(serving_settings, events)
    with running(serving_settings):
        wait_for_predictions(serving_settings, len({one["transaction_id"] for one in events}))
        # when one of other definitions joins, without any warm-up before
        with running(extended, 1) as second:
            wait_for(lambda: second.engine.status().is_ready)
            wait_for(lambda: "fraud_restorations_total{source=" in exposed(second.metrics))
            samples = exposed(second.metrics)
    # then it has made a snapshot of each partition first, and restored what it took over from one
    assert len(_files(extended)) == 3
    assert 'fraud_restorations_total{source="snapshot"}' in samples
    assert 'fraud_restorations_total{source="replay"}' not in samples


def test_a_worker_joins_a_group_without_members_at_once(
    serving_settings: Settings, extended_replaying_little: Settings, champion: str
) -> None:
    # given what a worker has scored that has ended
    extended, events = extended_replaying_little, disorderly(300)
    send(serving_settings, events)
    with running(serving_settings):
        wait_for_predictions(serving_settings, len({one["transaction_id"] for one in events}))
    # when one of other definitions starts
    with running(extended) as second:
        wait_for(lambda: 'fraud_restorations_total{source="replay"} 3.0' in exposed(second.metrics))
    # then nobody has waited for a warm-up
    assert _files(extended) == []


def test_a_warm_up_that_is_stopped_ends(extended: Settings) -> None:
    # given a stop before it starts, and messages that the group has committed
    send(extended, disorderly(5))
    consumer = Consumer(consumer_config(extended, extended.serving.group_id))
    ends = [TopicPartition(extended.topics.transactions, number, 1) for number in range(3)]
    consumer.commit(offsets=[one for one in ends if _end(consumer, one)], asynchronous=False)
    consumer.close()
    stop = threading.Event()
    stop.set()
    # then
    with pytest.raises(StoppedError):
        warm_up(extended, stop)


def _end(consumer: Consumer, one: TopicPartition) -> int:
    return int(consumer.get_watermark_offsets(one, timeout=10)[1])


def test_a_warm_up_without_snapshots_is_refused(serving_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_SERVING__SNAPSHOT_INTERVAL_S"):
        warm_up(serving_settings, threading.Event())
