"""Refused labels to their dead letters, each exactly once, however often a run is repeated.

The letters and how far they reach leave in one Kafka transaction: the position is the offset that a group of
its own has committed on the topic of the labels. A run that was cut off before its commit in the lake finds
there what it has sent already. A transactional.id for each partition fences a run that was taken for dead.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from fraud.errors import UnreachableError
from fraud.kafka.clients import consumer_config, producer_config
from fraud.kafka.errors import permission_error
from fraud.kafka.permission_checks import require_group, require_topic
from fraud.kafka.permissions import label_letters_group, label_letters_prefix
from fraud.kafka.retry import retry_transient
from fraud.messages.dead_letters import DeadLetter, send_dead_letter
from fraud.settings import Settings

_AT_ONCE = 10_000
"""Letters of one transaction, which must not outlive Kafka's patience with transactions."""
_PATIENCE_S = 30.0

Letters = Sequence[tuple[int, DeadLetter]]
"""Each with the offset of its label, in order."""


def send_label_letters(settings: Settings, source: TopicPartition, letters: Letters) -> int:
    """Send the letters of labels of one partition, unless an earlier run has; returns how many were sent.

    Raises:
        UnreachableError: the topic of the letters is missing, or Kafka does not answer.
        RefusedError: Kafka does not let us in, or not do this.
    """
    if not letters:
        return 0
    _require_letters(settings)
    try:
        return _send(settings, source, letters)
    except KafkaException as error:
        name = _transactional_id(settings, source)
        doing = f"sending dead letters to {settings.topics.label_dead_letters!r} as {name!r}"
        raise permission_error(settings.kafka, error.args[0], doing) or UnreachableError(
            f"Kafka failed at {doing} ({error.args[0].str()}); nothing is lost or doubled, so run it again"
        ) from error


def _transactional_id(settings: Settings, source: TopicPartition) -> str:
    return f"{label_letters_prefix(settings)}{source.partition}"


def problem_with_letters(settings: Settings) -> str | None:
    """Why letters could not be sent now, in a sentence; None if they could."""
    try:
        _require_letters(settings)
    except UnreachableError as error:
        return str(error)
    return None


def _require_letters(settings: Settings) -> None:
    require_topic(settings, settings.topics.label_dead_letters, "write")
    require_group(settings, label_letters_group(settings), "read")


def _send(settings: Settings, source: TopicPartition, letters: Letters) -> int:
    name = _transactional_id(settings, source)
    producer = Producer(producer_config(settings, **{"transactional.id": name}))
    # Ends what an earlier run left open, so that the position read next is final.
    retry_transient(lambda: producer.init_transactions(_PATIENCE_S))
    with _group(settings) as group:
        reached = _reached(settings, group, source)
        due = [one for one in letters if one[0] >= reached]
        for start in range(0, len(due), _AT_ONCE):
            _commit(settings, producer, group, source, due[start : start + _AT_ONCE])
    return len(due)


@contextmanager
def _group(settings: Settings) -> Iterator[Consumer]:
    """A client that reads and names the group, without joining it."""
    consumer = Consumer(consumer_config(settings, label_letters_group(settings)))
    try:
        yield consumer
    finally:
        consumer.close()


def _reached(settings: Settings, group: Consumer, source: TopicPartition) -> int:
    """The offset before which every refused label has its letter."""
    timeout_s = settings.kafka.request_timeout_s
    asked = TopicPartition(source.topic, source.partition)
    (found,) = retry_transient(lambda: group.committed([asked], timeout=timeout_s))
    return int(found.offset)  # negative if there is none


def _commit(
    settings: Settings, producer: Any, group: Consumer, source: TopicPartition, letters: Letters
) -> None:
    position = TopicPartition(source.topic, source.partition, letters[-1][0] + 1)
    producer.begin_transaction()
    try:
        for _, letter in letters:
            send_dead_letter(producer, settings.topics.label_dead_letters, letter)
        metadata = group.consumer_group_metadata()
        retry_transient(lambda: producer.send_offsets_to_transaction([position], metadata, _PATIENCE_S))
        retry_transient(lambda: producer.commit_transaction(_PATIENCE_S))
    except KafkaException as error:
        if error.args[0].txn_requires_abort():
            retry_transient(lambda: producer.abort_transaction(_PATIENCE_S))
        raise
