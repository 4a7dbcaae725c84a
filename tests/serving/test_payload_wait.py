"""Partitions whose next message cannot be decoded wait at that message, and go on by themselves."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads
from serving.payload_wait import PayloadWait
from tests.fraud.messages.formats.registries import MemoryRegistry, framed, payloads_with
from tests.fraud.messages.formats.test_payloads import SCHEMAS
from tests.serving.state.test_replay import Message

KNOWN, UNKNOWN = framed(3, b"{}"), framed(1, b"")


@dataclass
class RecordingConsumer:
    """What was asked of the consumer: the call, the partition and the offset of a seek."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def pause(self, partitions: list[Any]) -> None:
        self.calls += [("pause", one.partition) for one in partitions]

    def resume(self, partitions: list[Any]) -> None:
        self.calls += [("resume", one.partition) for one in partitions]

    def seek(self, position: Any) -> None:
        self.calls.append(("seek", position.partition, position.offset))


def messages(*values: bytes) -> list[Message]:
    return [Message(10 + number, value, 0) for number, value in enumerate(values)]


def wait(consumer: RecordingConsumer, payloads: Payloads) -> PayloadWait:
    return PayloadWait("t", consumer, payloads)


def test_a_partition_goes_on_after_its_readable_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a registry that has gone down after it gave one schema
    registry, consumer = MemoryRegistry(dict(SCHEMAS)), RecordingConsumer()
    payloads = payloads_with(registry)
    payloads.readable([KNOWN])
    registry.is_down = True
    waiting = wait(consumer, payloads)
    # when two partitions have messages, one of them of another schema
    batch = messages(KNOWN, UNKNOWN, KNOWN)
    assert waiting.readable(0, batch) == batch[:1]
    assert waiting.readable(1, messages(KNOWN)) == messages(KNOWN)
    # then that one waits at the first that is not readable, and it is said why
    assert consumer.calls == [("pause", 0), ("seek", 0, 11)]
    assert "1 partitions wait: the schema registry" in waiting.problem
    # and is resumed after a second, not before
    waiting.resume_due([0, 1])
    assert len(consumer.calls) == 2
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1.5)
    waiting.resume_due([0, 1])
    assert consumer.calls[2:] == [("resume", 0)]
    # and waits no longer once the registry answers
    registry.is_down = False
    assert waiting.readable(0, batch[1:]) == batch[1:]
    assert waiting.problem == ""


def test_a_partition_that_is_taken_away_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a waiting partition
    consumer = RecordingConsumer()
    waiting = wait(consumer, payloads_with(MemoryRegistry(is_down=True)))
    assert waiting.readable(0, messages(UNKNOWN)) == []
    # when another worker has it, or its state is restored again
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 5)
    waiting.resume_due([1])
    # then it is not resumed, and is no reason not to be ready
    assert ("resume", 0) not in consumer.calls
    assert waiting.problem == ""


def test_json_never_waits() -> None:
    consumer, batch = RecordingConsumer(), messages(b"{}", b"\0")

    assert wait(consumer, JSON_PAYLOADS).readable(0, batch) is batch
    assert not consumer.calls
