"""Ids that come again, with the same content and with another, under load and kill -9."""

import json
from collections import Counter
from typing import Any

import pytest
from confluent_kafka import Producer

from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.clients import flush, producer_config
from fraud.lake import open_lake
from fraud.native.id_index import CONFLICT_REASON
from fraud.settings import Settings
from tests.faults.conftest import SERVING, CheckScene, FaultSettings
from tests.faults.harness.load import PARTITIONS
from tests.faults.harness.scene import Scene, scene
from tests.serving.offline import payment_of
from tests.serving.world import BASE_MS, predictions, read_all, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(200)]

CHANGES: tuple[dict[str, Any], ...] = (
    {"amount": "77.00"}, {"card_id": "used-other"}, {"merchant_id": "elsewhere"}, {"currency": "USD"}, {},
)  # fmt: skip
"""What the second payment with an id has of its own; the last one is a repetition."""


def send_with_used_ids(settings: Settings, numbers: range, *, again: bool) -> None:
    """Payments of their own ids; or `again` with these, each changed in one field, to the same partition."""
    producer = Producer(producer_config(settings))
    for number in numbers:
        wire = {
            "transaction_id": f"used-{number}", "card_id": f"used-{number}", "merchant_id": "merchant-1",
            "amount": "12.00", "currency": "EUR", "timestamp": BASE_MS + number,
        }  # fmt: skip
        changed = wire | (CHANGES[number % len(CHANGES)] if again else {})
        producer.produce(
            settings.topics.transactions,
            json.dumps(changed),
            changed["card_id"],
            partition=number % PARTITIONS,
            timestamp=wire["timestamp"],
        )
    flush(producer, 30)


@pytest.mark.parametrize("snapshots", ["snapshots", "no snapshots"])
def test_ids_are_used_again_across_kill_9(
    make_fault_settings: FaultSettings, broker: str, check_scene: CheckScene, snapshots: str
) -> None:
    often = {} if snapshots == "snapshots" else {"snapshot_interval_s": 0}
    # The load's event time runs four hours a second.
    settings = make_fault_settings(broker, serving=SERVING | often, admission={"lateness": "P25D"})
    with scene(settings) as made:
        # given ids, of which some were used again, and a worker that is killed
        send_with_used_ids(settings, range(200), again=False)
        send_with_used_ids(settings, range(100), again=True)
        _wait_for_letters(made, 80)
        seconds = made.kill_and_restart(made.workers[0])

        # when the others are used again, and the first once more
        send_with_used_ids(settings, range(200), again=True)
        _wait_for_letters(made, 240)

        # then
        check_scene(made, f"ids used for other payments, kill -9 between them, {snapshots}", seconds)
        scored = Counter(payment_of(one) for one in predictions(settings))
        used = {payment: count for payment, count in scored.items() if payment[1].startswith("used-")}
        assert used == {(f"used-{number}", f"used-{number}"): 1 for number in range(200)}
        assert _in_the_lake(settings) == scored.keys()


def _wait_for_letters(made: Scene, count: int) -> None:
    wait_for(lambda: made.workers[0].is_alive and len(_letters(made.settings)) >= count, 60, 0.5)
    assert len(_letters(made.settings)) == count


def _letters(settings: Settings) -> list[Any]:
    letters = read_all(settings, settings.topics.dead_letters)
    return [one for one in letters if dict(one.headers())["error"].decode() == CONFLICT_REASON]


def _in_the_lake(settings: Settings) -> set[tuple[str, str]]:
    lake, transactions = open_lake(settings), sources(settings)[0]
    commits = [
        commit
        for partition in range(PARTITIONS)
        for commit in ingest_partition(settings, lake, transactions, partition)
    ]
    paths = [file.path for commit in commits for file in commit.files]
    rows = [lake.read_table(path, ["card_id", "transaction_id"]).to_pylist() for path in paths]
    return {(row["card_id"], row["transaction_id"]) for part in rows for row in part}
