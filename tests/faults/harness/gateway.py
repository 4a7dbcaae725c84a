"""Clients that ask a gateway for decisions during a fault, and what must be true of their answers."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from deployments.local.processes import free_port
from fraud.settings import Settings
from serving.gateway.auth.keys import KeyFile
from serving.gateway.events import GatewayEvent
from tests.faults.harness.workers import Worker
from tests.serving.gateway.support import payment
from tests.serving.world import read_all, wait_for

CLIENTS = 6
_DEADLINE_MS = 1_500


@dataclass
class Switch:
    """Clients that ask for decisions, each payment again until it is answered; `answers` by id.

    `make` makes the payment of a number.
    """

    url: str
    key: str
    make: Callable[[int], dict[str, Any]] = payment
    deadline_ms: int = _DEADLINE_MS
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start the clients."""
        self.threads = [threading.Thread(target=self._send, args=(one,)) for one in range(CLIENTS)]
        for one in self.threads:
            one.start()

    def stop(self) -> None:
        """Let every client get its last answer."""
        self.stopped.set()
        for one in self.threads:
            one.join()

    def ask(self, client: httpx.Client, one: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, None while nobody answers."""
        headers = {"Authorization": f"Bearer {self.key}", "X-Deadline-Ms": str(self.deadline_ms)}
        try:
            answer = client.post(f"{self.url}/v1/decisions", json=one, headers=headers)
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 503), answer.text
        found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return found

    def wait_for_decisions(self) -> None:
        """Wait until payments are answered with decisions from now on."""
        known = set(self.answers)
        wait_for(lambda: self._decided_since(known) > 3 * CLIENTS, 90)

    def _decided_since(self, known: set[str]) -> int:
        answers = [*self.answers.items()]
        return sum(name not in known and one["status"] == "decided" for name, one in answers)

    def _send(self, client_number: int) -> None:
        number = client_number
        with httpx.Client(timeout=5, trust_env=False) as client:
            while not self.stopped.is_set():
                one = self.make(number)
                name, number = one["transaction_id"], number + CLIENTS
                self.sent[name] = one
                while (answer := self.ask(client, one)) is None:
                    time.sleep(0.05)
                self.answers[name] = answer
                time.sleep(0.02)


@contextmanager
def asked_gateway(
    settings: Settings, make: Callable[[int], dict[str, Any]] = payment, deadline_ms: int = _DEADLINE_MS
) -> Iterator[tuple[Worker, Switch]]:
    """A gateway and clients that ask it; at the end the clients get their last answers, and it is killed."""
    key = KeyFile(settings.gateway_keys).create("switch", ["decide"], 100_000).text
    port = free_port()
    gateway = Worker(settings, "gateway", ("-m", "deployments.cli", "gateway", "--port", str(port)))
    switch = Switch(f"http://127.0.0.1:{port}", key, make, deadline_ms)
    try:
        switch.start()
        yield gateway, switch
    finally:
        switch.stop()
        if gateway.is_alive:
            gateway.kill()


def unexplained(settings: Settings, switch: Switch, committed: Mapping[str, str]) -> list[str]:
    """Answers that are neither the committed decision nor reported.

    Args:
        settings: of the gateway.
        switch: whose answers are looked at.
        committed: the outcome of each payment's prediction, by its id.
    """
    found = read_all(settings, settings.topics.gateway_events)
    events = {
        (one.transaction_id, one.kind)
        for one in (msgspec.json.decode(message.value(), type=GatewayEvent) for message in found)
    }
    return [
        name
        for name, answer in switch.answers.items()
        if not (
            (name, "fallback") in events
            if answer["status"] == "fallback"
            else answer["outcome"] == committed[name] or (name, "exception") in events
        )
    ]
