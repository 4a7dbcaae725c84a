"""The gateway, the engine behind it, or the broker killed while payments are answered."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import free_port
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from serving.gateway.auth.keys import KeyFile
from serving.gateway.events import GatewayEvent
from tests.faults.harness.workers import BARE, Worker
from tests.fraud.signing.signed import save_champion
from tests.serving.gateway.support import payment
from tests.serving.world import predictions, read_all, tiny_bundle, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(300)]

_CLIENTS = 6
_DEADLINE_MS = "1500"


@dataclass
class Switch:
    """Clients that ask for decisions, each payment again until it is answered; `answers` by id."""

    url: str
    key: str
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start the clients."""
        self.threads = [threading.Thread(target=self._send, args=(one,)) for one in range(_CLIENTS)]
        for one in self.threads:
            one.start()

    def stop(self) -> None:
        """Let every client get its last answer."""
        self.stopped.set()
        for one in self.threads:
            one.join()

    def ask(self, client: httpx.Client, one: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, None while nobody answers."""
        headers = {"Authorization": f"Bearer {self.key}", "X-Deadline-Ms": _DEADLINE_MS}
        try:
            answer = client.post(f"{self.url}/v1/decisions", json=one, headers=headers)
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 503), answer.text
        found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return found

    def _send(self, client_number: int) -> None:
        number = client_number
        with httpx.Client(timeout=5, trust_env=False) as client:
            while not self.stopped.is_set():
                one = payment(number)
                name, number = one["transaction_id"], number + _CLIENTS
                self.sent[name] = one
                while (answer := self.ask(client, one)) is None:
                    time.sleep(0.05)
                self.answers[name] = answer
                time.sleep(0.02)


@dataclass
class GatewayScene:
    """An engine, a gateway, and clients of it."""

    settings: Settings
    engine: Worker
    gateway: Worker
    switch: Switch

    def wait_for_decisions(self) -> None:
        """Wait until payments are answered with decisions from now on."""
        known = set(self.switch.answers)
        wait_for(lambda: self._decided_since(known) > 3 * _CLIENTS, 90)

    def _decided_since(self, known: set[str]) -> int:
        answers = [*self.switch.answers.items()]
        return sum(name not in known and one["status"] == "decided" for name, one in answers)


@contextmanager
def gateway_scene(settings: Settings) -> Iterator[GatewayScene]:
    """Payments are being answered with decisions; at the end all processes are killed."""
    create_topics(settings)
    save_champion(settings, tiny_bundle(settings))
    key = KeyFile(settings.gateway_keys).create("switch", ["decide"], 100_000).text
    port = free_port()
    program = ("-m", "deployments.cli", "gateway", "--port", str(port))
    engine, gateway = Worker(settings, "engine", BARE), Worker(settings, "gateway", program)
    switch = Switch(f"http://127.0.0.1:{port}", key)
    made = GatewayScene(settings, engine, gateway, switch)
    try:
        switch.start()
        made.wait_for_decisions()
        yield made
    finally:
        switch.stop()
        for one in (engine, gateway):
            if one.is_alive:
                one.kill()


def check_answers(made: GatewayScene) -> None:
    """Nothing is lost or doubled; every answer is the committed decision, or an event says why not."""
    made.switch.stop()
    settings, sent = made.settings, made.switch.sent
    wait_for(lambda: len({one.transaction_id for one in predictions(settings)}) >= len(sent), 90, 0.5)
    made_ids = [one.transaction_id for one in predictions(settings)]
    committed = {one.transaction_id: one.decision for one in predictions(settings)}
    assert sorted(made_ids) == sorted(sent)
    wait_for(lambda: not unexplained(made, committed), 30, 0.5)


def unexplained(made: GatewayScene, committed: Mapping[str, str]) -> list[str]:
    """Answers that are neither the committed decision nor reported."""
    found = read_all(made.settings, made.settings.topics.gateway_events)
    events = {
        (one.transaction_id, one.kind)
        for one in (msgspec.json.decode(message.value(), type=GatewayEvent) for message in found)
    }
    return [
        name
        for name, answer in made.switch.answers.items()
        if not (
            (name, "fallback") in events
            if answer["status"] == "fallback"
            else answer["outcome"] == committed[name] or (name, "exception") in events
        )
    ]


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
