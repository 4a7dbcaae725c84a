"""A running engine follows policies and lists."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from fraud.decisions.log.events import encode_event
from fraud.decisions.log.publishing import rollback
from fraud.kafka.clients import admin_client, flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.fraud.signing.signed import event_headers
from tests.serving.decisions.changes import make_live, put_on_list
from tests.serving.decisions.recomputed import wrong_decisions
from tests.serving.decisions.support import (
    BANDS,
    DECLINES_SMALL,
    live_one_after_another,
    named_policy,
    of_other_fields,
)
from tests.serving.offline import mismatches
from tests.serving.world import (
    Running,
    predictions,
    running,
    send,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(200)]

DECLINES_LARGE = named_policy(
    "large",
    "lists: {blocked: {field: card_id, outcome: decline, reason: card is blocked}}\n"
    "rules:\n  - {name: large, when: amount >= 500, outcome: decline, owner: jane, reason: large amounts}\n"
    "control_group: 0.2\nreview: {sample: 0.1}\n" + BANDS,
)


@contextmanager
def traffic(settings: Settings) -> Iterator[Callable[[Callable[[Prediction], bool]], Prediction]]:
    """Gives what sends payments until there is a prediction of some kind, which it returns."""
    numbers = itertools.count()

    def until(is_wanted: Callable[[Prediction], bool]) -> Prediction:
        def found() -> Prediction | None:
            send(settings, [transaction(next(numbers)) for _ in range(60)])
            return next(filter(is_wanted, predictions(settings)), None)

        one: Prediction = wait_for(found, 60)
        return one

    yield until


def test_policy_and_entries_come_into_force_under_load(serving_settings: Settings, champion: str) -> None:
    with running(serving_settings), traffic(serving_settings) as until:
        # given payments decided by the default policy
        until(lambda one: one.policy is None)
        # when two policies are moved, and cards come onto a list, under load
        first = make_live(serving_settings, DECLINES_SMALL)
        until(lambda one: one.policy == first and one.decided_by == "rule small")
        position = put_on_list(serving_settings, "blocked", *(f"card-{number}" for number in range(20)))
        until(lambda one: one.lists_position == position and one.decided_by == "list blocked")
        second = make_live(serving_settings, DECLINES_LARGE)
        until(lambda one: one.policy == second and one.would_be == "decline")
        rolled_back_ms = time.time_ns() // 1_000_000
        rollback(serving_settings, "bob")
        until(lambda one: one.policy == first and one.scored_at > rolled_back_ms + 1)
    # then every decision is the one that the log gives, and every payment has one
    served = predictions(serving_settings)
    assert wrong_decisions(serving_settings, served) == []
    assert mismatches(serving_settings, served) == []
    assert {one.policy for one in served} == {None, first, second}


def test_two_workers_have_a_moved_policy_within_two_seconds(
    serving_settings: Settings, champion: str, record_property: Callable[[str, object], None]
) -> None:
    with running(serving_settings) as one, running(serving_settings, 1) as other:
        workers = (one, other)
        wait_for(lambda: all(worker.engine.status().is_ready for worker in workers), 60)
        # when a policy is moved
        version = make_live(serving_settings, DECLINES_SMALL)
        moved_at = time.monotonic()
        wait_for(lambda: all(in_force(worker) == version for worker in workers), 20, 0.01)
        policy_s = time.monotonic() - moved_at
        # and an entry is put on a list
        position = put_on_list(serving_settings, "blocked", "card-1")
        put_at = time.monotonic()
        wait_for(lambda: all(known(worker) == position for worker in workers), 20, 0.01)
        entry_s = time.monotonic() - put_at
    # then both are in force soon; the bound is wide for a busy machine
    record_property("in force on two workers", f"policy {policy_s:.2f} s, entry {entry_s:.2f} s")
    assert max(policy_s, entry_s) < 10, (policy_s, entry_s)


def test_a_start_knows_all_policies_and_entries_before_the_first_payment(
    serving_settings: Settings, champion: str
) -> None:
    # given a policy, 5,000 entries and payments from before the start
    version = make_live(serving_settings, DECLINES_SMALL)
    position = put_on_list(serving_settings, "blocked", *(f"card-{number}" for number in range(5_000)))
    send(serving_settings, [transaction(number) for number in range(200)])
    # when
    with running(serving_settings):
        found = wait_for_predictions(serving_settings, 200)
    # then
    assert {(one.policy, one.lists_position) for one in found} == {(version, position)}
    assert {one.lists for one in map(Listed, found)} == {("blocked",)}
    assert wrong_decisions(serving_settings, found) == []


def test_a_policy_of_other_definitions_is_refused_and_the_one_before_stays(
    serving_settings: Settings, champion: str
) -> None:
    # given a version that fits, and upon it one that this worker's definitions cannot apply
    events = live_one_after_another([DECLINES_SMALL, of_other_fields("far")])
    producer = Producer(producer_config(serving_settings))
    for event in events:
        value = encode_event(event)
        headers = event_headers(serving_settings, value)
        producer.produce(serving_settings.topics.policies, value, partition=0, headers=headers)
    flush(producer, 30)
    send(serving_settings, [transaction(number) for number in range(50)])
    # when
    with running(serving_settings) as worker:
        found = wait_for_predictions(serving_settings, 50)
        wait_for(lambda: worker.engine.status().is_ready)
        status = worker.engine.status().text
    # then
    assert {one.policy for one in found} == {"1"}
    assert status.endswith(", version 2 of the policy is refused: 1 is in force")
    assert ({"alias": "live"}, 1.0) in [*worker.metrics.samples("fraud_policy_refused")]


def test_without_the_topics_the_default_policy_decides_until_they_are_there(
    serving_settings: Settings, champion: str
) -> None:
    # given an installation from before there were policies
    admin, topics = admin_client(serving_settings), serving_settings.topics
    for future in admin.delete_topics([topics.policies, topics.lists]).values():
        future.result()
    send(serving_settings, [transaction(number) for number in range(50)])
    # when
    with running(serving_settings) as worker:
        found = wait_for_predictions(serving_settings, 50)
        # then the default policy decides
        assert {(one.policy, one.lists_position) for one in found} == {(None, None)}
        # and a policy does once the topics are there
        create_topics(serving_settings)
        version = make_live(serving_settings, DECLINES_SMALL)
        wait_for(lambda: in_force(worker) == version, 60)


class Listed:
    """A prediction's lists, to be counted."""

    def __init__(self, one: Prediction) -> None:
        self.lists = tuple(one.lists or ())


def in_force(worker: Running) -> str | None:
    """The version of the live policy, as the metrics have it."""
    samples = worker.metrics.samples("fraud_policy_info")
    return next((labels["version"] for labels, _ in samples if labels["alias"] == "live"), None)


def known(worker: Running) -> float:
    return next(value for _, value in worker.metrics.samples("fraud_lists_position"))
