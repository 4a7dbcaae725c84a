"""A gateway that listens, and clients of it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import uvicorn

from fraud.settings import GatewayScope, Settings
from serving.gateway.auth.keys import KeyFile
from serving.gateway.context import GatewayContext
from serving.gateway.events import GatewayEvent
from serving.gateway.run import server_config
from serving.ops.listening import listen
from tests.serving.world import read_all, transaction, wait_for

SCOPES: tuple[GatewayScope, ...] = ("decide", "review")
GENEROUS_MS = 20_000
"""A deadline for what a busy machine must answer."""


@dataclass
class GatewayServer:
    """A gateway that listens on a port; `key` has all scopes."""

    settings: Settings
    context: GatewayContext
    port: int
    key: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, *, key: str | None = None, **extra: Any) -> httpx.Response:
        """A request with the key of all scopes, or with another one."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"} | extra.pop("headers", {})
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            return client.request(method, path, headers=headers, **extra)

    def decide(self, payment: dict[str, Any], deadline_ms: int | None = GENEROUS_MS) -> httpx.Response:
        """Ask for the decision on a payment."""
        headers = {} if deadline_ms is None else {"X-Deadline-Ms": str(deadline_ms)}
        return self.request("POST", "/v1/decisions", json=payment, headers=headers)

    def record(self, transaction_id: str, *, key: str | None = None, **query: str) -> httpx.Response:
        """Ask what is known of a payment."""
        return self.request("GET", f"/v1/decisions/{transaction_id}", key=key, params=query)

    def events(self) -> list[GatewayEvent]:
        """The events on the topic."""
        found = read_all(self.settings, self.settings.topics.gateway_events)
        return [msgspec.json.decode(one.value(), type=GatewayEvent) for one in found]


def payment(number: int, **fields: Any) -> dict[str, Any]:
    """A payment of this moment, without absent fields."""
    made = transaction(number, timestamp=time.time_ns() // 1_000_000, **fields)
    return {name: value for name, value in made.items() if value is not None}


@contextmanager
def run_gateway(settings: Settings, *, wait: bool = True) -> Iterator[GatewayServer]:
    """A gateway on a free port; with `wait` it is ready when the block starts."""
    keys = KeyFile(settings.gateway_keys)
    name = f"tests-{len(keys.load())}"
    key = keys.create(name, SCOPES, 10_000.0).text
    context = GatewayContext(settings)
    listener = listen("gateway", "127.0.0.1", 0, backlog=64)
    server = uvicorn.Server(server_config(context))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started)
        if wait:
            wait_for(lambda: context.status().is_ready, 60)
        yield GatewayServer(settings, context, listener.getsockname()[1], key)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
    assert not thread.is_alive()
