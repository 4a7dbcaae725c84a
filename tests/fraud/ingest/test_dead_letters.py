"""Refused labels become dead letters, each exactly once, and go back as they were."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient

from fraud.cards.rule import CardRule
from fraud.errors import UnreachableError
from fraud.ingest.partition import ingest_partition, sources
from fraud.ingest.rows import LabelRowReader
from fraud.kafka.clients import client_config, flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.lake import Lake, open_lake
from fraud.messages.admission import TRUNCATED, dead_letter_headers
from fraud.messages.dead_letters import dead_letter
from fraud.settings import Settings
from producer.redrive import RedriveRequest, redrive
from tests.conftest import SettingsFactory
from tests.fraud.ingest.test_partition import ingest_all, rows
from tests.fraud.streams import START_MS, label
from tests.producer.test_redrive import read

ADDED = list(dead_letter_headers("", "", 0, 0, 0))
BROKEN: dict[str, bytes | None] = {
    "not UTF-8": b'{"transaction_id": "t\xff", "card_id": "c", "is_fraud": true, "reported_at": 1}',
    "nested": b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "no value": None,
    "no bytes": b"",
    "another type": b'{"transaction_id": "t", "card_id": "c", "is_fraud": "maybe", "reported_at": 1}',
    "a source of its own": b'{"transaction_id": "t", "card_id": "c", "is_fraud": true, "reported_at": 1,'
    b' "source": "visa"}',
    "a lone surrogate": b'{"transaction_id": "\\ud800", "card_id": "c", "is_fraud": true, "reported_at": 1}',
    "a huge time": b'{"transaction_id": "t", "card_id": "c", "is_fraud": true, "reported_at": 1e99}',
    "a list": b"[1, 2]",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "trailing bytes": b'{"transaction_id": "t", "card_id": "c", "is_fraud": true, "reported_at": 1} x',
}

pytestmark = pytest.mark.broker


@pytest.fixture
def labels(make_settings: SettingsFactory, broker: str) -> Settings:
    """Topics of one partition, and a few messages per commit."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 1}, ingest={"chunk_rows": 4, "batch_size": 3}
    )
    create_topics(made)
    return made


def put(settings: Settings, values: Sequence[dict[str, Any] | bytes | None], **attributes: Any) -> None:
    """Produce labels, in order."""
    producer = Producer(producer_config(settings))
    for value in values:
        content = json.dumps(value) if isinstance(value, dict) else value
        producer.produce(settings.topics.labels, content, b"card", timestamp=START_MS, **attributes)
    flush(producer, 20)


def letters(settings: Settings) -> list[Message]:
    """The labels' dead letters, by the offset of their label."""
    found = read(settings, settings.topics.label_dead_letters)
    return sorted(found, key=lambda letter: int(dict(letter.headers())["offset"]))


def mixed() -> list[dict[str, Any] | bytes | None]:
    """Each broken label after a good one."""
    return [one for n, bad in enumerate(BROKEN.values()) for one in (label(n, START_MS + n), bad)]


def test_broken_labels_become_dead_letters_and_the_others_go_on(labels: Settings) -> None:
    # given broken labels among good ones
    put(labels, mixed(), headers=[("trace", b"\xff1"), ("error", b"mine")])
    # when they are ingested
    commits = ingest_all(labels)
    # then the good ones are in the lake, and each broken one is a letter with its own headers first
    assert len(rows(open_lake(labels), "labels")) == len(BROKEN)
    assert sum(commit.refused for commit in commits) == len(BROKEN)
    found = letters(labels)
    assert [letter.value() for letter in found] == list(BROKEN.values())
    for offset, letter in zip(range(1, 2 * len(BROKEN), 2), found, strict=True):
        headers = letter.headers()
        assert headers[:2] == [("trace", b"\xff1"), ("error", b"mine")]
        assert [name for name, _ in headers[2:]] == ADDED
        attributes = dict(headers)
        assert (attributes["topic"], attributes["partition"], attributes["offset"], attributes["time"]) == (
            labels.topics.labels.encode(), b"0", b"%d" % offset, b"%d" % START_MS,
        )  # fmt: skip
        assert attributes["error"]
        assert letter.key() == b"card"


class CutOffError(Exception):
    """What a lake raises that is cut off."""


@dataclass(frozen=True)
class FailingLake(Lake):
    """Fails from its n-th write on, before it or after it."""

    writes_left: list[int] = field(default_factory=lambda: [0])
    after: bool = False

    def _put(self, path: str, content: bytes) -> None:
        self.writes_left[0] -= 1
        if self.writes_left[0] >= 0 or self.after:
            super()._put(path, content)
        if self.writes_left[0] < 0:
            raise CutOffError


def _is_cut_off(settings: Settings, lake: Lake, writes: int, *, after: bool) -> bool:
    try:
        ingest_all(settings, FailingLake(lake.filesystem, lake.root, [writes], after))
    except CutOffError:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_cut_off_anywhere_loses_and_doubles_no_letter(labels: Settings, *, after: bool) -> None:
    # given many commits' worth of labels, and runs that die one after the other, each a little later
    put(labels, mixed())
    lake, writes = open_lake(labels), 0
    while _is_cut_off(labels, lake, writes % 5, after=after):
        writes += 1
    # then every letter is there once
    assert writes > 3
    assert [letter.value() for letter in letters(labels)] == list(BROKEN.values())
    assert len(rows(lake, "labels")) == len(BROKEN)


def test_another_lake_of_the_same_topic_doubles_no_letter(labels: Settings, tmp_path: Path) -> None:
    # given a lake that is filled, and one that begins from the start
    put(labels, mixed())
    ingest_all(labels)
    other = Lake(open_lake(labels).filesystem, str(tmp_path / "other"))
    # when it is filled too, and labels follow
    ingest_all(labels, other)
    put(labels, [b"one more"])
    ingest_all(labels, other)
    ingest_all(labels)
    # then each letter is there once
    assert [letter.value() for letter in letters(labels)] == [*BROKEN.values(), b"one more"]


def test_a_label_that_is_too_large_for_its_letter_is_cut_and_says_so(labels: Settings) -> None:
    put(labels, [b"x" * 999_500], headers=[("trace", b"1" * 380)])
    ingest_all(labels)
    (letter,) = letters(labels)
    assert [name for name, _ in letter.headers()] == [*ADDED, TRUNCATED]
    assert redrive(labels, RedriveRequest(labels=True)).left == 1


def test_labels_go_back_as_they_were(labels: Settings) -> None:
    # given two letters of labels, and one of a transaction
    put(labels, [b"\xff", b"[]"], headers=[("campaign", b"rings")])
    ingest_all(labels)
    # when one of them is put back, and then the rest
    first = redrive(labels, RedriveRequest("UTF-8", labels=True))
    rest = redrive(labels, RedriveRequest(labels=True))
    # then the labels' topic has both again, byte for byte, and the transactions' has nothing
    assert (first.redriven, first.left, rest.redriven, rest.left) == (1, 1, 1, 0)
    again = read(labels, labels.topics.labels)[2:]
    assert Counter(one.value() for one in again) == {b"\xff": 1, b"[]": 1}
    assert {(one.key(), one.timestamp()[1], tuple(one.headers())) for one in again} == {
        (b"card", START_MS, (("campaign", b"rings"),))
    }
    assert read(labels, labels.topics.transactions) == []
    # and the next ingest refuses them again, as nothing has changed
    ingest_all(labels)
    assert Counter(letter.value() for letter in letters(labels))[b"\xff"] == 2


def test_without_the_topic_good_labels_go_on_and_a_broken_one_is_a_sentence(
    labels: Settings,
) -> None:
    # given a deployment of before, whose topics were never created again
    admin = AdminClient(client_config(labels))
    for done in admin.delete_topics([labels.topics.label_dead_letters]).values():
        done.result()
    put(labels, [label(1, START_MS)])
    # when labels are good, then nothing is asked for
    assert sum(commit.admitted for commit in ingest_all(labels)) == 1
    # and when one is not, then it is said what is missing, and what is there stays
    put(labels, [b"broken"])
    with pytest.raises(UnreachableError, match=r"no topic '.*label_dead_letters'; run `fraud topics create`"):
        ingest_all(labels)
    create_topics(labels)
    ingest_all(labels)
    assert [letter.value() for letter in letters(labels)] == [b"broken"]


def test_a_reader_may_have_objections_of_its_own(labels: Settings) -> None:
    # given a rule about labels that are well-formed
    put(labels, [label(1, START_MS), label(2, START_MS + 60_000)])
    (message, late) = read(labels, labels.topics.labels)
    reader = LabelRowReader(refusal_reason=lambda one, _: "too late" if one.reported_at > START_MS else None)
    # when they are read
    batch, rejected = reader.read([message, late])
    # then the rule's answer is the reason
    assert (batch.num_rows, [one.reason for one in rejected]) == (1, ["too late"])
    assert dict(rejected[0].letter.context)["error"] == b"too late"


class _UnreadableHeaders:
    """A message whose headers the client cannot decode."""

    def headers(self) -> None:
        b"\xff".decode()

    def __getattr__(self, name: str) -> Any:
        return {"timestamp": lambda: (1, START_MS)}.get(name, lambda: None)


def test_headers_that_cannot_be_read_stop_nothing() -> None:
    assert dead_letter(_UnreadableHeaders(), "broken", CardRule()).headers == []


def test_a_silent_broker_is_a_sentence(labels: Settings) -> None:
    # given labels to be ingested, and then no broker
    away = labels.model_copy(
        update={
            "kafka": labels.kafka.model_copy(
                update={"bootstrap_servers": "127.0.0.1:1", "request_timeout_s": 1.0}
            )
        }
    )
    since = time.monotonic()
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        ingest_partition(away, open_lake(away), sources(away)[1], 0)
    assert time.monotonic() - since < 30
