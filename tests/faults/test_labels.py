"""Broken labels among good ones, while the ingest is killed and started again."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from fraud.ingest.commits import committed_files
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.lake import open_lake
from fraud.settings import Settings
from tests.faults.conftest import FaultSettings
from tests.faults.harness.ingesting import PROGRAM, ingest_labels
from tests.faults.harness.scene import FaultOutcome
from tests.faults.harness.table import OUTCOME
from tests.faults.harness.workers import Worker
from tests.fraud.streams import START_MS, label
from tests.serving.world import read_all, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.faults, pytest.mark.timeout(300)]

KILLS = 8
ROUNDS = 60
BROKEN = (
    b'{"transaction_id": "t\xff", "card_id": "c", "is_fraud": true, "reported_at": 1}',
    b'{"x": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    b"",
    b'{"transaction_id": 1, "card_id": [], "is_fraud": "no", "reported_at": -5}',
    b'{"transaction_id": "\\ud800", "card_id": "c", "is_fraud": true, "reported_at": 1}',
    None,
)


class Labels:
    """What was sent: good labels by their number, broken ones by partition and offset."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.labels
        self._producer = Producer(producer_config(settings))
        self.good = 0
        self.broken: Counter[tuple[int, int]] = Counter()

    def send(self) -> None:
        """A round of good labels, and one broken of each kind between them."""
        for value in BROKEN:
            for _ in range(4):
                content = json.dumps(label(self.good, START_MS + self.good * 60_000))
                self._producer.produce(self._topic, content, f"card-{self.good % 7}", timestamp=START_MS)
                self.good += 1
            key = f"card-{random.randrange(7)}"
            self._producer.produce(self._topic, value, key, timestamp=START_MS, on_delivery=self._note)
        flush(self._producer, 60)

    def _note(self, error: object, message: object) -> None:
        assert error is None
        self.broken[message.partition(), message.offset()] += 1  # type: ignore[attr-defined]


@pytest.fixture
def ingest(make_fault_settings: FaultSettings, broker: str) -> Iterator[tuple[Settings, Worker]]:
    """A process that ingests labels, with short ranges, so that a kill falls between two writes."""
    settings = make_fault_settings(broker, ingest={"chunk_rows": 20, "batch_size": 10})
    create_topics(settings)
    settings.home.mkdir()
    worker = Worker(settings, "ingest", PROGRAM)
    yield settings, worker
    if worker.is_alive:
        worker.kill()


def test_broken_labels_while_the_ingest_is_killed(
    ingest: tuple[Settings, Worker], record_property: Callable[[str, object], None]
) -> None:
    # given a stream of labels, some of them broken, and an ingest that is killed again and again
    settings, worker = ingest
    sent, draw = Labels(settings), random.Random(3)
    for number in range(ROUNDS):
        sent.send()
        if number % (ROUNDS // KILLS) == 0:
            wait_for(lambda: committed_files(open_lake(settings), "labels"), 60)
            time.sleep(draw.uniform(0.2, 1.5))
            worker.kill()
            worker.restart()
    # when a last run comes to the end
    worker.kill()
    since = time.monotonic()
    ingest_labels(settings)
    # then every good label is in the lake once, and every broken one is a dead letter once
    outcome = _compare(settings, sent, time.monotonic() - since)
    record_property(OUTCOME, str(outcome))
    assert outcome.is_clean, f"{len(outcome.errors)} errors, such as {outcome.errors[:5]}"
    assert (outcome.scored, outcome.dead_letters) == (sent.good, len(BROKEN) * ROUNDS)


def _compare(settings: Settings, sent: Labels, seconds: float) -> FaultOutcome:
    lake = open_lake(settings)
    files = committed_files(lake, "labels")
    rows = Counter(
        name for file in files for name in lake.read_table(file.path)["transaction_id"].to_pylist()
    )
    letters = Counter(
        (int(headers["partition"]), int(headers["offset"]))
        for letter in read_all(settings, settings.topics.label_dead_letters)
        if (headers := dict(letter.headers()))
    )
    good = Counter(f"t{number}" for number in range(sent.good))
    errors = (
        *(f"missing {name}" for name in (good - rows)),
        *(f"missing dead letter of {position}" for position in (sent.broken - letters)),
        *("doubled" for _ in ((rows - good) + Counter()).elements()),
        *("doubled" for _ in (letters - sent.broken).elements()),
    )
    case = "broken labels, the ingest killed with -9 again and again"
    return FaultOutcome(case, seconds, rows.total(), letters.total(), errors)
