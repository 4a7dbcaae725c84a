"""The gateway, the engine behind it, or the broker killed while payments are answered."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from tests.faults.harness.gateway import Switch, asked_gateway, unexplained
from tests.faults.harness.workers import BARE, Worker
from tests.fraud.signing.signed import save_champion
from tests.serving.world import predictions, tiny_bundle, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(300)]


@dataclass
class GatewayScene:
    """An engine, a gateway, and clients of it."""

    settings: Settings
    engine: Worker
    gateway: Worker
    switch: Switch

    def wait_for_decisions(self) -> None:
        """Wait until payments are answered with decisions from now on."""
        self.switch.wait_for_decisions()


@contextmanager
def gateway_scene(settings: Settings) -> Iterator[GatewayScene]:
    """Payments are being answered with decisions; at the end all processes are killed."""
    create_topics(settings)
    save_champion(settings, tiny_bundle(settings))
    engine = Worker(settings, "engine", BARE)
    try:
        with asked_gateway(settings) as (gateway, switch):
            made = GatewayScene(settings, engine, gateway, switch)
            made.wait_for_decisions()
            yield made
    finally:
        if engine.is_alive:
            engine.kill()


def check_answers(made: GatewayScene) -> None:
    """Nothing is lost or doubled; every answer is the committed decision, or an event says why not."""
    made.switch.stop()
    settings, sent = made.settings, made.switch.sent
    wait_for(lambda: len({one.transaction_id for one in predictions(settings)}) >= len(sent), 90, 0.5)
    made_ids = [one.transaction_id for one in predictions(settings)]
    committed = {one.transaction_id: one.decision for one in predictions(settings)}
    assert sorted(made_ids) == sorted(sent)
    wait_for(lambda: not unexplained(settings, made.switch, committed), 30, 0.5)


def test_kill_9_of_the_gateway(fault_settings: Settings) -> None:
    with gateway_scene(fault_settings) as made:
        # when
        for _ in range(3):
            made.gateway.kill()
            made.gateway.restart()
            made.wait_for_decisions()
        # then every payment has one decision, and those answered before the last kill keep their answer
        check_answers(made)
        with httpx.Client(timeout=20, trust_env=False) as client:
            for name, answer in [*made.switch.answers.items()][:50]:
                assert made.switch.ask(client, made.switch.sent[name]) == answer


@pytest.mark.short
def test_kill_9_of_the_engine_between_answer_and_commit(fault_settings: Settings) -> None:
    # given half a second between commits, so that answers wait for theirs
    with gateway_scene(fault_settings) as made:
        # when
        for _ in range(3):
            made.engine.kill()
            made.engine.restart()
            made.wait_for_decisions()
        # then
        check_answers(made)


def test_kill_9_of_both_at_once(fault_settings: Settings) -> None:
    with gateway_scene(fault_settings) as made:
        # when
        made.engine.kill()
        made.gateway.kill()
        made.gateway.restart()
        made.engine.restart()
        made.wait_for_decisions()
        # then
        check_answers(made)


def test_a_broker_that_is_killed_and_starts_again(own_settings: Settings, own_kafka: EmbeddedKafka) -> None:
    with gateway_scene(own_settings) as made:
        # when
        own_kafka.kill()
        time.sleep(3)
        own_kafka.start()
        made.wait_for_decisions()
        # then
        check_answers(made)
