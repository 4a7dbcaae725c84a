"""Card numbers are sent by every way that there is, and found nowhere afterwards."""

import io
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from xxhash import xxh3_64_intdigest

from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from producer.replay.run import ReplayRequest, replay
from tests.collector import Collector, collecting
from tests.conftest import SettingsFactory
from tests.fraud.cards.made import KEY, KEYS, PUBLISHED, with_check_digit
from tests.fraud.ingest.test_partition import ingest_all
from tests.producer.replay.test_run import ProgressListener
from tests.security.searching import written_to_files, written_to_kafka
from tests.serving.dashboard.support import DashboardServer, run_dashboard
from tests.serving.gateway.support import GatewayServer, payment, run_gateway
from tests.serving.world import read_all, register, running, tiny_bundle, wait_for

pytestmark = pytest.mark.broker

WAYS = (
    "gateway card", "gateway attribute", "gateway undeclared", "gateway malformed", "gateway label",
    "gateway address", "replay card", "replay rejected", "replay label", "topic card", "topic key",
    "topic transaction", "topic attribute", "topic undeclared", "topic malformed", "topic escaped",
    "topic header", "label card", "label malformed", "dashboard search", "dashboard list", "dashboard note",
)  # fmt: skip
NUMBERS: Mapping[str, str] = {
    way: with_check_digit(f"4{number:02}1234567890{number:02}") for number, way in enumerate(WAYS, 11)
}
"""A card number for each way, so that one that is found says how it came there."""


@dataclass
class Left:
    """What a run has left besides Kafka and files: logs, spans, answers, metrics."""

    log: io.StringIO = field(default_factory=io.StringIO)
    texts: dict[str, str] = field(default_factory=dict)
    spans: Collector | None = None


def test_numbers_are_card_numbers_and_differ() -> None:
    assert len(set(NUMBERS.values())) == len(WAYS)
    assert not set(NUMBERS.values()) & set(PUBLISHED.values())


@pytest.mark.parametrize("admission", ["refuse", "replace"])
@pytest.mark.timeout(900)
def test_a_card_number_that_is_sent_by_any_way_is_found_nowhere(
    make_settings: SettingsFactory, broker: str, mlflow_db: str, tmp_path: Path, admission: str
) -> None:
    with collecting() as collector, logging_to() as left:
        left.spans = collector
        made = settings_of(make_settings, broker, collector, admission)
        create_topics(made)

        # given all parts at work, with the numbers of all ways
        register(made, tiny_bundle(made, threshold=0.01))
        replay_files(made, tmp_path)
        with running(made) as engine, run_gateway(made) as gateway, run_dashboard(made) as dashboard:
            wait_for(lambda: engine.engine.status().is_ready, 240)
            send_by_gateway(gateway, left)
            send_to_topics(made)
            wait_for(lambda: scored(made) >= expected(admission), 120)
            ingest_all(made)
            use_dashboard(dashboard, left)
            left.texts["metrics"] = engine.metrics.exposition().decode()
            left.texts["gateway metrics"] = gateway.context.metrics.exposition().decode()

        # then none is anywhere but in what others wrote to the topics themselves
        leaks = [
            (way, place) for way, place in found_places(made, tmp_path, left) if not is_own_fault(way, place)
        ]
        assert leaks == []

        # and what was sent by the gateway and by files is found under pseudonyms
        assert KEYS.pseudonym(NUMBERS["gateway card"]).encode() in everything(made)
        assert KEYS.pseudonym(NUMBERS["replay card"]).encode() in everything(made)
        assert (KEYS.pseudonym(NUMBERS["topic card"]) in cards_of_predictions(made)) == (
            admission == "replace"
        )


def settings_of(make: SettingsFactory, broker: str, collector: Collector, admission: str) -> Settings:
    return make(
        kafka={"bootstrap_servers": broker, "partitions": 1, "retention_days": -1},
        cards={"key": KEY, "admission": admission},
        serving={"commit_interval_s": 0.05, "snapshot_interval_s": 0.5, "feature_sample": 1.0},
        registry={"poll_interval_s": 0.2},
        tracing={"endpoint": collector.endpoint, "sample": 1.0},
        gateway={"max_deadline_ms": 60_000},
    )


@contextmanager
def logging_to() -> Iterator[Left]:
    """What any logger writes meanwhile, as a handler of somebody else has it."""
    left, root = Left(), logging.getLogger()
    handler, level = logging.StreamHandler(left.log), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield left
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def replay_files(settings: Settings, folder: Path) -> None:
    """A file of payments, one of them rejected, and one of labels, with labels of no payment among them."""
    now = time.time_ns() // 1_000_000
    payments = ["transaction_id,card_id,merchant_id,amount,currency,timestamp"]
    payments += [f"r1,{spaced(NUMBERS['replay card'])},m,1.00,EUR,{now - 60_000}"]
    payments += [f"r2,{NUMBERS['replay rejected']},m,ten,EUR,{now - 50_000}"]
    labels = ["transaction_id,card_id,is_fraud,reported_at"]
    labels += [f"r1,{NUMBERS['replay card']},1,{now}", f"r9,{NUMBERS['replay label']},1,{now}"]
    # Outside of the home, which is searched: the user's own files have the numbers.
    own = folder.parent / f"{folder.name}-own-files"
    own.mkdir()
    (own / "payments.csv").write_text("\n".join(payments))
    (own / "labels.csv").write_text("\n".join(labels))
    result = replay(settings, ReplayRequest(own / "payments.csv", own / "labels.csv"), ProgressListener())
    assert (result.good, result.labels) == (1, 1)


def spaced(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def send_by_gateway(gateway: GatewayServer, left: Left) -> None:
    """Payments and a label over HTTP; each is asked for by the clear number afterwards."""
    card, attribute = NUMBERS["gateway card"], NUMBERS["gateway attribute"]
    answers = [
        gateway.decide(payment(1, card_id=card)),
        gateway.decide(payment(2, merchant_category=attribute)),
        gateway.decide(payment(3) | {"raw": {"pan": [NUMBERS["gateway undeclared"]]}}),
        gateway.decide(payment(4, transaction_id=NUMBERS["gateway address"])),
    ]
    assert [one.status_code for one in answers] == [200] * 4
    assert answers[0].json()["card_id"] == KEYS.pseudonym(card)
    # Lookups with the clear number.
    assert gateway.record("t1", card_id=card).json()["card_id"] == KEYS.pseudonym(card)
    assert gateway.record(NUMBERS["gateway address"]).status_code == 200
    malformed = f'{{"card_id": "{NUMBERS["gateway malformed"]}", '
    answers.append(
        gateway.request(
            "POST", "/v1/decisions", content=malformed, headers={"Content-Type": "application/json"}
        )
    )
    label = {"transaction_id": "t1", "card_id": NUMBERS["gateway label"], "is_fraud": True, "reported_at": 1}
    answers.append(gateway.request("POST", "/v1/reviews", json=label))
    assert [one.status_code for one in answers[4:]] == [400, 201]
    left.texts["gateway answers"] = "\n".join(one.text for one in answers)


def send_to_topics(settings: Settings) -> None:
    """Messages that somebody else writes to the topics."""
    producer, now = Producer(producer_config(settings)), time.time_ns() // 1_000_000
    for key, value, headers in raw_payments():
        producer.produce(settings.topics.transactions, value, key, headers=headers, timestamp=now)
    label = {"transaction_id": "t1", "card_id": NUMBERS["label card"], "is_fraud": True, "reported_at": 1}
    for content in (json.dumps(label), f'{{"card_id": "{NUMBERS["label malformed"]}", oops'):
        producer.produce(settings.topics.labels, content, NUMBERS["label card"], timestamp=now)
    flush(producer, 30)


def raw_payments() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Key, value and headers of payments on their topic."""
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in NUMBERS["topic escaped"])
    yield NUMBERS["topic card"], json.dumps(payment(21, card_id=NUMBERS["topic card"])), {}
    yield NUMBERS["topic key"], "{}", {}
    yield "c", json.dumps(payment(22, transaction_id=NUMBERS["topic transaction"])), {}
    yield "c", json.dumps(payment(23, merchant_category=NUMBERS["topic attribute"])), {}
    yield "c", json.dumps(payment(24, amount="ten") | {"x": NUMBERS["topic undeclared"]}), {}
    yield "c", f'{{"card_id": "{NUMBERS["topic malformed"]}", oops', {}
    yield "c", json.dumps(payment(25, card_id="@")).replace("@", escaped), {}
    yield "c", "{}", {"pan": NUMBERS["topic header"]}
    yield "c", json.dumps(payment(26)), {}


def scored(settings: Settings) -> int:
    """How many payments are answered, and how many refused."""
    topics = settings.topics
    return len(read_all(settings, topics.predictions)) + len(read_all(settings, topics.dead_letters))


def expected(admission: str) -> int:
    return 1 + 4 + 9


def use_dashboard(dashboard: DashboardServer, left: Left) -> None:
    """What people do with a number on the page; every answer is kept."""
    admin = dashboard.browser("adam")
    wait_for(lambda: admin.alerts(), 60)
    found = admin.post("search", {"text": NUMBERS["gateway card"]}).json()
    assert [one["card_id"] for one in found["cards"]["found"]] == [KEYS.pseudonym(NUMBERS["gateway card"])]
    answers = [
        admin.post("search", {"text": NUMBERS["dashboard search"]}),
        admin.review("t1", "fraud", f"called about {NUMBERS['dashboard note']}"),
        admin.post(
            "lists/blocked_cards/entries",
            {"value": NUMBERS["dashboard list"], "reason": f"card {NUMBERS['dashboard note']}"},
        ),
        *map(admin.get, ("alerts", "audit", "cases")),
        *(admin.get(f"export/{name}.csv") for name in ("alerts", "audit", "reviews")),
    ]
    assert [one.status_code for one in answers] == [200, 201, 201, 200, 200, 200, 200, 200, 200]
    left.texts["pages"] = "\n".join(one.text for one in answers)


def found_places(settings: Settings, folder: Path, left: Left) -> Iterator[tuple[str, str]]:
    """Each number that is somewhere, and where; of a file also by the plain hash that a state would have."""
    contents = [*written_to_kafka(settings), *written_to_files(folder)]
    contents += [(name, text.encode()) for name, text in left.texts.items()]
    contents += [("log", left.log.getvalue().encode())]
    contents += [("span", request) for request in left.spans.requests] if left.spans else []
    for way, number in NUMBERS.items():
        hashed = xxh3_64_intdigest(number.encode())
        hashes = [hashed.to_bytes(8, order) for order in _ORDERS]
        traces = [number.encode(), spaced(number).encode(), *hashes]
        for place, content in contents:
            if any(trace in content for trace in traces):
                yield way, place


_ORDERS: tuple[Any, ...] = ("little", "big")


def is_own_fault(way: str, place: str) -> bool:
    """Whether a number is only where its sender has written it."""
    kind = way.split()[0]
    return (kind, place) in {("topic", "topic transactions"), ("label", "topic labels")}


def everything(settings: Settings) -> bytes:
    return b"".join(content for _, content in written_to_kafka(settings))


def cards_of_predictions(settings: Settings) -> str:
    return " ".join(str(one.value()) for one in read_all(settings, settings.topics.predictions))
