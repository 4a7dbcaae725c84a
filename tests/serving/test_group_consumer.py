"""Micro-batches grow with the load, and errors of the client are not taken for messages."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError

from fraud.errors import RefusedError
from fraud.settings import Settings
from serving import group_consumer
from serving.group_consumer import poll_batch, without_errors


@dataclass
class Message:
    fault: KafkaError | None = None

    def error(self) -> KafkaError | None:
        return self.fault


@dataclass
class FakeConsumer:
    """Has some messages, and remembers how it was asked for them."""

    messages: list[Message]
    calls: list[tuple[int, float]] = field(default_factory=list)

    def consume(self, count: int, timeout_s: float) -> list[Message]:
        self.calls.append((count, timeout_s))
        found, self.messages = self.messages[:count], self.messages[count:]
        return found


def test_kafka_gathers_what_the_settings_say(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a consumer that remembers its configuration
    made: dict[str, Any] = {}
    monkeypatch.setattr(group_consumer, "Consumer", made.update)
    # when it is made for an engine behind a gateway
    prompt = local_settings.serving.model_copy(update={"fetch_min_bytes": 1, "fetch_wait_s": 0.05})
    group_consumer.make_group_consumer(local_settings.model_copy(update={"serving": prompt}), print)
    # then a fetch is answered with the first message, and waits for 50 ms where there is none
    assert (made["fetch.min.bytes"], made["fetch.wait.max.ms"]) == (1, 50)


def test_only_the_first_message_is_waited_for(local_settings: Settings) -> None:
    # given three messages
    consumer, serving = FakeConsumer([Message(), Message(), Message()]), local_settings.serving
    # when a batch is polled
    found = poll_batch(consumer, local_settings)
    # then it has all of them, and the rest was asked for without waiting
    assert len(found) == 3
    assert consumer.calls == [(1, serving.batch_wait_s), (serving.batch_size - 1, 0)]


def test_the_first_message_is_waited_for_no_longer_than_the_caller_may(local_settings: Settings) -> None:
    # given a consumer without messages
    consumer, longest_s = FakeConsumer([]), local_settings.serving.batch_wait_s
    # when batches are polled by one who has something to do soon, and by one who has not
    for wait_s in (longest_s / 4, longest_s * 4):
        poll_batch(consumer, local_settings, wait_s)
    # then the shorter time is waited for
    assert consumer.calls == [(1, longest_s / 4), (1, longest_s)]


def test_without_a_message_nothing_more_is_asked_for(local_settings: Settings) -> None:
    consumer = FakeConsumer([])
    assert poll_batch(consumer, local_settings) == []
    assert len(consumer.calls) == 1


def test_an_error_of_the_client_is_logged_and_left_out(
    local_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [Message(), Message(KafkaError(KafkaError._TRANSPORT, "connection lost")), Message()]
    assert without_errors(local_settings, messages) == [messages[0], messages[2]]
    assert "connection lost" in caplog.text


def test_a_batch_without_errors_is_not_copied(local_settings: Settings) -> None:
    messages = [Message(), Message()]
    assert without_errors(local_settings, messages) is messages


def test_a_missing_permission_is_raised(local_settings: Settings) -> None:
    denied = Message(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(RefusedError, match=local_settings.topics.transactions):
        without_errors(local_settings, [Message(), denied])
