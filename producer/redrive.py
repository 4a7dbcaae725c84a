"""Redrive: dead letters of transactions or of labels go back as the bytes they were, each exactly once.

The letters' offsets are committed in the Kafka transaction that puts them back, under a transactional id
whose newest user fences the others; so a crash, a second run or two at a time double nothing. A letter left
for later (another reason was asked for) is appended to the dead letters again in that same transaction,
because a group remembers one offset and not the holes before it.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from fraud.errors import DataError, UnreachableError
from fraud.kafka.clients import consumer_config, producer_config
from fraud.kafka.errors import permission_error
from fraud.kafka.log import read_until
from fraud.kafka.offsets import end_offsets
from fraud.kafka.permission_checks import require_group, require_topic
from fraud.kafka.permissions import redrive_identity
from fraud.kafka.retry import retry_transient
from fraud.messages.admission import MASKED, TRUNCATED, dead_letter_headers
from fraud.messages.decoding import header, headers_of
from fraud.settings import Settings
from producer.replay.publishing.topic_checks import days_too_short, require_accepted

_BATCH = 2_000
_TIMEOUT_S = 60.0
_TIME = re.compile(r"[0-9]{1,15}")
"""Milliseconds as a dead letter names them; anything else was written by others."""
_DEAD_LETTER_HEADERS = [*dead_letter_headers("", "", 0, 0, 0)]
"""The names of the headers that a dead letter has after those of its message."""


@dataclass(frozen=True)
class RedriveRequest:
    """Which letters go back: those whose reason contains a text, at most so many (None: all).

    They are the labels' with `labels`, otherwise the transactions'.
    """

    reason_contains: str = ""
    most: int | None = None
    dry_run: bool = False
    labels: bool = False


@dataclass(frozen=True)
class _Route:
    """The topic of the dead letters, and the one to which they go back."""

    letters: str
    target: str

    @property
    def identity(self) -> str:
        """The consumer group and the transactional id."""
        return redrive_identity(self.letters)


def _route(settings: Settings, request: RedriveRequest) -> _Route:
    topics = settings.topics
    if request.labels:
        return _Route(topics.label_dead_letters, topics.labels)
    return _Route(topics.dead_letters, topics.transactions)


@dataclass
class RedriveReport:
    """What became of the letters that were there at the start and were looked at.

    `oldest` is the least original timestamp (ms) of those that go back.
    """

    redriven: int = 0
    left: int = 0
    oldest: int = sys.maxsize


def redrive(settings: Settings, request: RedriveRequest) -> RedriveReport:
    """Put dead letters back to where they came from.

    Letters that arrive meanwhile, those that come back among them, wait for the next call. A letter whose
    message was too large to be kept whole, or in which card numbers were masked, is left.

    Raises:
        UnreachableError: a topic is missing, or Kafka does not answer.
        RefusedError: Kafka does not let us in, or not do this.
        DataError: the topic would not keep the letters for their age.
    """
    route = _route(settings, request)
    require_topic(settings, route.target, "write")
    require_topic(settings, route.letters, "read", "write")
    require_group(settings, route.identity, "read")
    try:
        found = _count(settings, route, request)
        if request.dry_run or not found.redriven:
            return found
        _require_retention(settings, route.target, found.oldest)
        return _put_back(settings, route, request)
    except KafkaException as error:
        raise permission_error(
            settings.kafka, error.args[0], f"the redrive as {route.identity!r}"
        ) or UnreachableError(
            f"Kafka failed at the redrive ({error.args[0].str()}); nothing is doubled, so run it again"
        ) from error


def _count(settings: Settings, route: _Route, request: RedriveRequest) -> RedriveReport:
    report = RedriveReport()
    with _letters(settings, route) as letters:
        for batch in letters.batches():
            _choose(request, report, batch)
            if report.redriven == request.most:
                break
    return report


def _put_back(settings: Settings, route: _Route, request: RedriveRequest) -> RedriveReport:
    report = RedriveReport()
    producer = Producer(producer_config(settings, **{"transactional.id": route.identity}))
    # Ends what an earlier run left open, so that the offsets read next are final.
    retry_transient(lambda: producer.init_transactions(_TIMEOUT_S))
    with _letters(settings, route) as letters:
        for batch in letters.batches():
            back, left = _choose(request, report, batch)
            _commit(producer, route, letters, back, left)
            if report.redriven == request.most:
                break
    return report


def _choose(
    request: RedriveRequest, report: RedriveReport, batch: Sequence[Message]
) -> tuple[list[Message], list[Message]]:
    """Which of the letters go back and which are left; those after the last that is wanted are neither."""
    back: list[Message] = []
    left: list[Message] = []
    for letter in batch:
        if report.redriven + len(back) == request.most:
            break
        (back if _wanted(request, letter) else left).append(letter)
    report.redriven += len(back)
    report.oldest = min([report.oldest, *map(_original_time, back)])
    report.left += len(left)
    return back, left


def _wanted(request: RedriveRequest, letter: Message) -> bool:
    headers = headers_of(letter) or []
    reason = header(letter, "error") or ""
    is_whole = not headers or headers[-1][0] not in (MASKED, TRUNCATED)
    return is_whole and request.reason_contains.lower() in reason.lower()


def _commit(
    producer: Producer, route: _Route, letters: "_Letters", back: list[Message], left: list[Message]
) -> None:
    """Put letters back, append the others again, and commit the offsets of both, in one Kafka transaction."""
    producer.begin_transaction()
    try:
        for letter in back:
            _produce_original(producer, route.target, letter)
        for letter in left:
            producer.produce(
                route.letters, letter.value(), letter.key(),
                timestamp=letter.timestamp()[1], headers=headers_of(letter),
            )  # fmt: skip
        positions = letters.after([*back, *left])
        retry_transient(
            lambda: producer.send_offsets_to_transaction(positions, letters.group_metadata(), _TIMEOUT_S)
        )
        retry_transient(lambda: producer.commit_transaction(_TIMEOUT_S))
    except KafkaException as error:
        if error.args[0].txn_requires_abort():
            retry_transient(lambda: producer.abort_transaction(_TIMEOUT_S))
        raise


def _produce_original(producer: Producer, topic: str, letter: Message) -> None:
    headers, time_ms = headers_of(letter) or [], _original_time(letter)
    if [name for name, _ in headers[-len(_DEAD_LETTER_HEADERS) :]] == _DEAD_LETTER_HEADERS:
        headers = headers[: -len(_DEAD_LETTER_HEADERS)]
    producer.produce(topic, letter.value(), letter.key(), timestamp=time_ms, headers=headers)


def _original_time(letter: Message) -> int:
    text = header(letter, "time") or ""
    return int(text) if _TIME.fullmatch(text) else int(letter.timestamp()[1])


def _require_retention(settings: Settings, topic: str, oldest: int) -> None:
    days = days_too_short(settings, topic, oldest)
    if days is not None:
        raise DataError(
            f"the topic {topic} keeps events for {days} days and some of the letters are older, so that "
            "Kafka would delete them; raise the topic's retention.ms first"
        )
    require_accepted(settings, topic, oldest, oldest)


class _Letters:
    """The dead letters that were there when it was opened, from the last committed on."""

    def __init__(self, settings: Settings, topic: str, consumer: Consumer) -> None:
        self._topic, self._consumer = topic, consumer
        self._ends = {partition: end for partition, (_, end) in end_offsets(settings, self._topic).items()}
        partitions = [TopicPartition(self._topic, partition) for partition in self._ends]
        starts = retry_transient(
            lambda: consumer.committed(partitions, timeout=settings.kafka.request_timeout_s)
        )
        for start in starts:
            start.offset = start.offset if start.offset >= 0 else OFFSET_BEGINNING
        consumer.assign(starts)
        behind = {start.partition for start in starts if start.offset < self._ends[start.partition]}
        self._unread = {partition: self._ends[partition] for partition in behind}

    def batches(self) -> Iterator[list[Message]]:
        """The letters, some at a time."""
        return read_until(self._consumer, self._unread, _BATCH, _TIMEOUT_S, repr(self._topic))

    def after(self, letters: Sequence[Message]) -> list[TopicPartition]:
        """The offsets that follow these letters."""
        positions: dict[int, int] = {}
        for letter in letters:
            positions[letter.partition()] = max(positions.get(letter.partition(), 0), letter.offset() + 1)
        return [TopicPartition(self._topic, *position) for position in positions.items()]

    def group_metadata(self) -> object:
        """What names the group in a transaction."""
        return self._consumer.consumer_group_metadata()


@contextmanager
def _letters(settings: Settings, route: _Route) -> Iterator[_Letters]:
    config = consumer_config(settings, route.identity, **{"enable.partition.eof": True})
    consumer = Consumer(config)
    try:
        yield _Letters(settings, route.letters, consumer)
    finally:
        consumer.close()
