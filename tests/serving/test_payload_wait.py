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
from tests.serving.world import wait_for

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


def resumed(waiting: PayloadWait, consumer: RecordingConsumer, count: int) -> bool:
    """Run the loop's rounds until so many calls were made."""

    def is_done() -> bool:
        waiting.resume_due([0, 1])
        return len(consumer.calls) == count

    return bool(wait_for(is_done, 5, 0.01))


def test_a_new_schema_is_asked_for_beside_the_loop() -> None:
    # given a registry that answers, which takes a while
    registry, consumer = MemoryRegistry(dict(SCHEMAS)), RecordingConsumer()
    registry.gate.clear()
    waiting = wait(consumer, payloads_with(registry))
    # when a partition has messages of a new schema
    batch = messages(UNKNOWN, UNKNOWN)
    assert waiting.readable(0, batch) == []
    # then the loop goes on, and this is no reason not to be ready
    waiting.resume_due([0, 1])
    assert consumer.calls == [("pause", 0), ("seek", 0, 10)]
    assert waiting.problem == ""
    # and the partition goes on with the answer
    registry.gate.set()
    assert resumed(waiting, consumer, 3)
    assert consumer.calls[2:] == [("resume", 0)]
    assert waiting.readable(0, batch) == batch
    waiting.stop(5)


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
    wait_for(lambda: "1 partitions wait: the schema registry" in waiting.problem, 5, 0.01)
    # and is resumed after a second, not before
    wait_for(lambda: not waiting._questions._answers.empty(), 5, 0.01)
    waiting.resume_due([0, 1])
    assert len(consumer.calls) == 2
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1.5)
    waiting.resume_due([0, 1])
    assert consumer.calls[2:] == [("resume", 0)]
    monkeypatch.undo()
    # and waits no longer once the registry answers
    registry.is_down, payloads._retry_at = False, 0.0
    assert waiting.readable(0, batch[1:]) == []
    assert resumed(waiting, consumer, 6)
    assert waiting.readable(0, batch[1:]) == batch[1:]
    assert waiting.problem == ""


def test_what_a_silent_registry_said_last_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    # given an id that the registry did not know, some time ago, and that it is silent now
    registry, consumer = MemoryRegistry(dict(SCHEMAS)), RecordingConsumer()
    payloads = payloads_with(registry)
    batch = messages(framed(7, b""))
    payloads.readable([batch[0].value()])
    registry.is_down = True
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    waiting = wait(consumer, payloads)
    assert waiting.readable(0, batch) == []
    # when it was asked
    wait_for(lambda: not waiting._questions._answers.empty(), 5, 0.01)
    waiting.resume_due([0])
    # then the message is readable: it is refused
    assert waiting.readable(0, batch) == batch


def test_a_partition_that_waits_for_long_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a partition with more and more ids that the registry is asked for
    registry, consumer = MemoryRegistry(), RecordingConsumer()
    waiting = wait(consumer, payloads_with(registry))
    assert waiting.readable(0, messages(framed(7, b""))) == []
    assert waiting.problem == ""
    # when that goes on for long
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 11)
    # then it is said
    assert "1 partitions wait: the schema registry is asked for many ids" in waiting.problem


def test_a_partition_that_is_taken_away_is_forgotten() -> None:
    # given a waiting partition that got an answer
    consumer = RecordingConsumer()
    waiting = wait(consumer, payloads_with(MemoryRegistry(dict(SCHEMAS))))
    assert waiting.readable(0, messages(UNKNOWN)) == []
    wait_for(lambda: not waiting._questions._answers.empty(), 5, 0.01)
    # when another worker has it, or its state is restored again
    waiting.resume_due([1])
    # then it is not resumed, and is no reason not to be ready
    assert ("resume", 0) not in consumer.calls
    assert waiting.problem == ""


def test_json_never_waits() -> None:
    consumer, batch = RecordingConsumer(), messages(b"{}", b"\0")

    assert wait(consumer, JSON_PAYLOADS).readable(0, batch) is batch
    assert not consumer.calls
