"""Ingest on a real broker: each record once, whatever happens in between."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError, UnreachableError
from fraud.ingest.commits import Commit, Dataset, committed_files, day_of, read_commits
from fraud.ingest.partition import LakeSource, ingest_partition, sources
from fraud.kafka.clients import client_config, producer_config
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.topics import create_topics
from fraud.lake import Lake, open_lake
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.streams import START_MS, accidental_stream, label, produce, transaction


def ingest_all(settings: Settings, lake: Lake | None = None) -> list[Commit]:
    lake = lake or open_lake(settings)
    return [
        commit
        for source in sources(settings)
        for partition in range(require_topic(settings, source.topic))
        for commit in ingest_partition(settings, lake, source, partition)
    ]


def rows(lake: Lake, dataset: Dataset = "transactions") -> list[dict[str, Any]]:
    files = committed_files(lake, dataset)
    return [row for file in files for row in lake.read_table(file.path).to_pylist()]


def ids(lake: Lake) -> Counter[str]:
    return Counter(row["transaction_id"] for row in rows(lake))


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return open_lake(settings)


@pytest.fixture
def one_partition(make_settings: SettingsFactory, broker: str) -> Settings:
    """Topics of one partition, and few messages per commit."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 1}, ingest={"chunk_rows": 20, "batch_size": 7}
    )
    create_topics(made)
    return made


def test_every_transaction_and_label_reaches_the_lake(settings: Settings, lake: Lake) -> None:
    # given transactions of three days and labels
    stream = accidental_stream(300, days=3)
    produce(settings, settings.topics.transactions, stream)
    produce(settings, settings.topics.labels, [label(number, START_MS + DAY_MS) for number in range(10)])
    # when they are ingested
    ingest_all(settings)
    # then each is there once per delivery, under its day, in minor units
    assert ids(lake) == Counter(one["transaction_id"] for one in stream)
    assert len(rows(lake, "labels")) == 10
    sample = next(row for row in rows(lake) if row["transaction_id"] == "t1")
    assert sample["amount"] == 3825
    assert sample["kafka_timestamp"] == sample["timestamp"]
    for file in committed_files(lake, "transactions"):
        times = lake.read_table(file.path)["timestamp"].to_pylist()
        assert {day_of(time) for time in times} == {file.date}
        assert (min(times), max(times), len(times)) == (file.first_ms, file.last_ms, file.rows)


def test_a_second_run_brings_only_what_is_new(settings: Settings, lake: Lake) -> None:
    # given a lake that is up to date
    produce(settings, settings.topics.transactions, accidental_stream(50, days=1))
    ingest_all(settings)
    # when nothing came
    assert ingest_all(settings) == []
    # and when something came
    produce(settings, settings.topics.transactions, [transaction(1_000, START_MS + DAY_MS)])
    # then that alone is brought
    assert sum(commit.admitted for commit in ingest_all(settings)) == 1
    assert ids(lake)["t1000"] == 1


def test_long_ranges_are_cut_into_commits(one_partition: Settings) -> None:
    # given many more messages than a commit may hold
    stream = accidental_stream(200, days=2)
    produce(one_partition, one_partition.topics.transactions, stream)
    # when they are ingested
    commits = ingest_all(one_partition)
    # then the commits follow each other without gap or overlap
    assert len(commits) >= 10
    assert [commit.start for commit in commits[1:]] == [commit.end for commit in commits[:-1]]
    assert ids(open_lake(one_partition)) == Counter(one["transaction_id"] for one in stream)


def test_refused_messages_are_counted_with_their_reasons(settings: Settings, lake: Lake) -> None:
    # given good, broken and too late messages, in two runs
    topic = settings.topics.transactions
    good = transaction(0, START_MS + 20 * DAY_MS, card_id="card-0")
    produce(settings, topic, [good, b"no json", b""])
    ingest_all(settings)
    late = transaction(7, START_MS, card_id="card-0")
    produce(settings, topic, [late])
    # when the second run meets what is too late for the first run's newest
    commits = ingest_all(settings)
    # then it is refused, with the reason
    refused = [commit for commit in read_commits(lake, "transactions") if commit.refused]
    assert sum(commit.refused for commit in refused) == 3
    assert "behind the partition's" in commits[0].reasons[0]
    assert ids(lake) == {"t0": 1}


def test_broken_labels_are_written_aside(settings: Settings, lake: Lake) -> None:
    # given a broken label among good ones
    produce(settings, settings.topics.labels, [label(1, START_MS), b'{"is_fraud": "maybe"}'])
    # when they are ingested
    commits = ingest_all(settings)
    # then its bytes are kept with the reason, and readers do not see it
    aside = next(commit.rejected for commit in commits if commit.rejected)
    kept = lake.read_table(aside).to_pylist()
    assert [row["value"] for row in kept] == [b'{"is_fraud": "maybe"}']
    assert "is_fraud" in kept[0]["reason"] or "transaction_id" in kept[0]["reason"]
    assert len(rows(lake, "labels")) == 1


def test_aborted_transactions_and_markers_are_passed_over(settings: Settings, lake: Lake) -> None:
    # given a log with committed and aborted Kafka transactions
    producer = Producer(producer_config(settings, **{"transactional.id": settings.topics.transactions}))
    producer.init_transactions(30)
    for number in range(6):
        producer.begin_transaction()
        value = str(transaction(number, START_MS, card_id="card-0")).replace("'", '"')
        producer.produce(settings.topics.transactions, value, key="card-0", timestamp=START_MS)
        producer.flush(10)
        producer.commit_transaction(30) if number % 2 else producer.abort_transaction(30)
    # when it is ingested
    ingest_all(settings)
    # then the committed are there, and nothing is left to read
    assert ids(lake) == {"t1": 1, "t3": 1, "t5": 1}
    assert ingest_all(settings) == []


class LakeFullError(OSError):
    """What the failing lake raises."""


@dataclass(frozen=True)
class FailingLake(Lake):
    """Fails at its n-th write, before it or half-way through it."""

    writes_left: list[int] = field(default_factory=lambda: [0])
    after: bool = False

    def _put(self, path: str, content: bytes) -> None:
        self.writes_left[0] -= 1
        if self.writes_left[0] >= 0 or self.after:
            super()._put(path, content)
        if self.writes_left[0] < 0:
            raise LakeFullError(path)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_neither_loses_nor_doubles(
    one_partition: Settings, tmp_path: Path, *, after: bool
) -> None:
    # given a stream that needs several commits of several files
    stream = accidental_stream(60, days=3)
    produce(one_partition, one_partition.topics.transactions, stream)
    expected = Counter(one["transaction_id"] for one in stream)
    crashed, step = True, 0
    while crashed:
        lake = Lake(open_lake(one_partition).filesystem, str(tmp_path / f"lake-{step}"))
        # when the run dies at this write, before or after it, and another run follows
        crashed = _crashes(one_partition, FailingLake(lake.filesystem, lake.root, [step], after))
        ingest_all(one_partition, lake)
        # then the lake holds every record once, and no file that does not count
        assert ids(lake) == expected, read_commits(lake, "transactions")
        counted = {file.path for file in committed_files(lake, "transactions")}
        assert {path for path in lake.list_all("transactions") if "_commits" not in path} == counted
        step += 1
    assert step >= 10


def _crashes(settings: Settings, lake: Lake) -> bool:
    try:
        ingest_all(settings, lake)
    except LakeFullError:
        return True
    return False


def test_a_gap_is_said_loudly(settings: Settings, lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    # given a lake, and a Kafka that deleted records before they were ingested
    produce(settings, settings.topics.transactions, [transaction(0, START_MS)] * 3)
    partition = next(commit.partition for commit in ingest_all(settings))
    produce(settings, settings.topics.transactions, [transaction(0, START_MS)] * 5)
    delete_records(settings, settings.topics.transactions, partition, 6)
    # when the next run comes
    commits = ingest_all(settings)
    # then it counts what it missed and says so
    assert [(commit.lost, commit.admitted) for commit in commits] == [(3, 2)]
    assert "deleted the offsets 3 to 5" in caplog.text


def delete_records(settings: Settings, topic: str, partition: int, before: int) -> None:
    admin = AdminClient(client_config(settings))
    for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
        future.result()


def test_a_topic_created_again_is_noticed(settings: Settings, lake: Lake) -> None:
    # given a lake that is ahead of its topic
    produce(settings, settings.topics.transactions, [transaction(0, START_MS)] * 3)
    ingest_all(settings)
    other = LakeSource("transactions", settings.topics.dead_letters, "timestamp")
    partition = read_commits(lake, "transactions")[0].partition
    # when it is ingested, then it is refused with what to do
    with pytest.raises(DataError, match="created again"):
        ingest_partition(settings, lake, other, partition)


def test_an_unreachable_broker_is_one_sentence(make_settings: SettingsFactory) -> None:
    # given settings that name a dead broker
    settings = make_settings(kafka={"request_timeout_s": 1.0})
    # when a partition is ingested, then the sentence names it
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        ingest_partition(settings, open_lake(settings), sources(settings)[0], 0)


def test_hostile_text_does_not_stop_the_ingest(settings: Settings, lake: Lake) -> None:
    # given what a hostile upstream can put into a message
    good = transaction(0, START_MS, card_id="card-0", merchant_category="caf\u00e9 \U0001f600")
    hostile: list[dict[str, Any] | bytes] = [
        good,
        b'{"transaction_id":"\xff"}',
        b'{"transaction_id":"\\ud800","card_id":"card-0","merchant_id":"m","amount":"1","currency":"EUR",'
        b'"timestamp":1700006400000}',
        b'{"transaction_id":"a","card_id":"card-0","merchant_id":"m","amount":"1e999999999",'
        b'"currency":"EUR","timestamp":1700006400000}',
    ]
    produce(settings, settings.topics.transactions, hostile)
    # when it is ingested
    commits = ingest_all(settings)
    # then the good one is there and the others are counted
    assert sum(commit.refused for commit in commits) == 3
    assert [row["merchant_category"] for row in rows(lake)] == ["caf\u00e9 \U0001f600"]


def test_same_messages_give_the_same_bytes(settings: Settings, lake: Lake) -> None:
    # given two lakes filled from one log
    produce(settings, settings.topics.transactions, accidental_stream(40, days=2))
    lakes = [Lake(lake.filesystem, f"{lake.root}-{name}") for name in ("one", "two")]
    for one in lakes:
        ingest_all(settings, one)
    # then their files are equal
    contents = [one.read_many(one.list_files("transactions", "")) for one in lakes]
    assert contents[0] == contents[1]
