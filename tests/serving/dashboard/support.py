"""A dashboard that listens, requests to it, and the messages that it reads."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx
import msgspec
import uvicorn
from confluent_kafka import Consumer, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, flush, producer_config
from fraud.kafka.offsets import end_offsets
from fraud.schema import Label, MerchantProfile, Prediction, Reason
from fraud.settings import Settings
from serving.dashboard.auth.accounts import Accounts, Role
from serving.dashboard.auth.passwords import ScryptCost
from serving.dashboard.auth.stored_accounts import open_accounts
from serving.dashboard.context import AppContext, create_context
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.store import Store
from serving.dashboard.run import server_config
from serving.ops.listening import listen
from tests.definitions import V1Transaction

PASSWORDS = {
    "vera": "viewer-password", "anna": "analyst-password", "bert": "other-password", "adam": "admin-password"
}  # fmt: skip
ROLES: dict[str, Role] = {"vera": "viewer", "anna": "analyst", "bert": "analyst", "adam": "admin"}
TIMEOUT_S = 30.0
CHEAP = ScryptCost(16)
"""For scrypt: a real cost would be most of what these tests take."""


@contextmanager
def stored_accounts(settings: Settings, cost: ScryptCost = CHEAP) -> Iterator[Accounts]:
    """The users of the settings' dashboard, while its store is open."""
    with closing(Store(database_of(settings))) as store:
        yield open_accounts(settings, store, cost)


@dataclass
class DashboardServer:
    """A dashboard that listens on a port."""

    settings: Settings
    context: AppContext
    url: str
    clients: list[httpx.Client] = field(default_factory=list)

    @cached_property
    def shared(self) -> "Browser":
        """An admin's browser, the same each time."""
        return self.browser("adam")

    def browser(self, name: str | None = None) -> "Browser":
        """A browser, logged in if there is a name."""
        client = httpx.Client(base_url=self.url, timeout=20, trust_env=False)
        self.clients.append(client)
        browser = Browser(client)
        if name is not None:
            answer = browser.post("login", {"name": name, "password": PASSWORDS[name]})
            assert answer.status_code == 200, answer.text
            browser.csrf = answer.json()["csrf"]
        return browser


@dataclass
class Browser:
    """Requests with a cookie and the CSRF token, as the page sends them."""

    client: httpx.Client
    csrf: str = ""

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"/api/{path}", params=query)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.client.post(f"/api/{path}", json=body, headers={"X-CSRF-Token": self.csrf} | headers)

    def review(self, transaction_id: str, outcome: str, note: str = "", **headers: str) -> httpx.Response:
        return self.post("reviews", review_request(transaction_id, outcome, note), **headers)

    def alerts(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("alerts", **query).json()["alerts"]
        return found


def review_request(transaction_id: str, outcome: str, note: str = "") -> dict[str, str]:
    """A review as the page sends it."""
    return {"id": str(uuid.uuid4()), "transaction_id": transaction_id, "outcome": outcome, "note": note}


@contextmanager
def run_dashboard(settings: Settings, undo_s: float = 0) -> Iterator[DashboardServer]:
    """A dashboard that listens on a free port, with users of each role; labels are not held back."""
    section = settings.dashboard.model_copy(update={"undo": timedelta(seconds=undo_s)})
    settings = settings.model_copy(update={"dashboard": section})
    context = create_context(settings, cost=CHEAP)
    for name, role in ROLES.items():
        context.accounts.add(name, role, PASSWORDS[name])
    listener = listen("dashboard", "127.0.0.1", 0, backlog=64)
    server = uvicorn.Server(server_config(context))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    dashboard = DashboardServer(settings, context, f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        wait_for(lambda: server.started)
        yield dashboard
    finally:
        for client in dashboard.clients:
            client.close()
        context.hub.close()
        server.should_exit = True
        thread.join(20)
        listener.close()


def wait_for(condition: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> Any:
    """What the condition returns, once it is true."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def payment(number: int, **fields: Any) -> Any:
    """A transaction of this moment."""
    defaults: dict[str, Any] = {
        "transaction_id": f"t{number}",
        "card_id": f"card-{number % 7}",
        "merchant_id": f"merchant-{number % 5}",
        "amount": Decimal(number + 10),
        "currency": "EUR",
        "timestamp": now_ms() - 50,
        "country": "DE",
        "latitude": 52.5,
        "longitude": 13.4,
    }
    return V1Transaction(**(defaults | fields))


def prediction_for(transaction: Any, score: float = 0.9, **fields: Any) -> Prediction:
    """What the engine predicts for a transaction; flagged from 0.5 on."""
    flagged = score >= 0.5
    defaults: dict[str, Any] = {
        "transaction_id": transaction.transaction_id,
        "card_id": transaction.card_id,
        "timestamp": transaction.timestamp,
        "amount": int(transaction.amount * 100),
        "currency": transaction.currency,
        "score": score,
        "decision": "review" if flagged else "approve",
        "threshold": 0.5,
        "model_name": "fraud-detector",
        "model_version": "3",
        "feature_version": 1,
        "scored_at": now_ms(),
        "reasons": [Reason("card_count_10m", 5.0, 1.5, "5 payments in 10 minutes")] if flagged else None,
    }
    return Prediction(**(defaults | fields))


def produce(
    settings: Settings,
    *messages: Any,
    headers: dict[str, bytes] | None = None,
) -> None:
    """Produce messages to the topics that they belong on."""
    topics = settings.topics
    producer = Producer(producer_config(settings, **{"linger.ms": 0}))
    for one in messages:
        if isinstance(one, V1Transaction):
            producer.produce(topics.transactions, value_of_payment(one), one.card_id, timestamp=one.timestamp)
        elif isinstance(one, MerchantProfile):
            producer.produce(topics.profiles, msgspec.json.encode(one), one.merchant_id)
        else:
            topic = topics.labels if isinstance(one, Label) else topics.predictions
            producer.produce(topic, msgspec.json.encode(one), one.card_id, headers=headers)
        producer.poll(0)
    flush(producer, 30)


def value_of_payment(one: Any) -> bytes:
    """A transaction as producers send it."""
    value = msgspec.structs.asdict(one) | {"amount": str(one.amount)}
    return json.dumps({name: field for name, field in value.items() if field is not None}).encode()


def labels_on(settings: Settings) -> list[dict[str, Any]]:
    """Every label on the topic."""
    topic = settings.topics.labels
    found: list[dict[str, Any]] = []
    ends = end_offsets(settings, topic)
    consumer = Consumer(consumer_config(settings, "tests-labels"))
    try:
        consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in ends.items()])
        count = sum(end - low for low, end in ends.values())
        while len(found) < count:
            found += [json.loads(message.value()) for message in consumer.consume(count, 1.0)]
    finally:
        consumer.close()
    return found


def produce_alert(
    settings: Settings,
    number: int,
    score: float = 0.9,
    prediction: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Any:
    """A transaction and the prediction that flags it, with further fields of either."""
    transaction = payment(number, **fields)
    produce(settings, transaction, prediction_for(transaction, score, **(prediction or {})))
    return transaction


@contextmanager
def open_stream(browser: Browser) -> Iterator[Callable[[str], dict[str, Any]]]:
    """An open page; gives the next event of a name."""
    with browser.client.stream("GET", "/api/stream") as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()

        def event(name: str) -> dict[str, Any]:
            for line in lines:
                if line == f"event: {name}":
                    found: dict[str, Any] = json.loads(next(lines).removeprefix("data: "))
                    return found
            raise AssertionError(f"the stream ended without {name}")

        yield event
