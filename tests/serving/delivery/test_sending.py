"""Dead letters reach a topic that takes less than a message has, and none of them stops the others."""

import random
from typing import Any

import pytest
from confluent_kafka import KafkaError

from fraud.messages.admission import TRUNCATED, dead_letter_headers
from fraud.messages.dead_letters import DeadLetter, Report
from serving.delivery.sending import DeadLetterSender

ROUNDS = 12


def letters(sizes: list[int]) -> list[DeadLetter]:
    """Letters with contents of these sizes, which no compression makes smaller, by offset."""
    choice = random.Random(1)
    return [
        DeadLetter(
            b"card", choice.randbytes(size), [("own", b"1")],
            [*dead_letter_headers("no JSON", "transactions", 0, offset, 0).items()],
        )
        for offset, size in enumerate(sizes)
    ]  # fmt: skip


MANY = letters([1_000] * 150 + [60_000] + [1_000] * 150)


class Refusing:
    """A producer whose broker refuses batches above a size, with all that is in them."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.taken: list[dict[str, Any]] = []
        self.flushes = 0
        self._batch: list[dict[str, Any]] = []

    def produce(self, _topic: str, **message: Any) -> None:
        self._batch.append(message)

    def flush(self, _timeout_s: float = 0) -> int:
        batch, self._batch = self._batch, []
        self.flushes += 1
        size = sum(len(one["value"]) + len(one["key"]) for one in batch)
        refusal = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE) if size > self.most_bytes else None
        if refusal is None:
            self.taken += batch
        for one in batch:
            one["on_delivery"](refusal, None)
        return 0


class Rounds:
    """Sends everything until all of it is taken, as a delivery does after each aborted transaction."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer, self._topic, self._sender = producer, topic, DeadLetterSender()
        self._errors: list[Any] = []

    def run(self, found: list[DeadLetter]) -> int:
        """Returns how many rounds it took."""
        for number in range(1, ROUNDS + 1):
            self._errors.clear()
            self._sender.send(self._producer, self._topic, found, self._report())
            self._producer.flush(30)
            if not self._errors:
                return number
        raise AssertionError(f"still refused after {ROUNDS} rounds: {self._errors[0]}")

    def _report(self) -> Report:
        return lambda error, _: self._errors.append(error) if error is not None else None


def test_a_topic_that_takes_everything_gets_every_letter_as_it_is_and_nobody_waits() -> None:
    producer = Refusing(1 << 30)
    assert Rounds(producer, "dlq").run(MANY) == 1
    assert [one["value"] for one in producer.taken] == [one.value for one in MANY]
    assert producer.flushes == 1


@pytest.mark.parametrize("most_bytes", [200_000, 20_000, 2_100])
def test_refused_letters_are_sent_in_smaller_batches_and_truncated_where_that_does_not_help(
    most_bytes: int,
) -> None:
    # given a topic that takes so much at once, and of 300 small letters and a large one more than that
    producer = Refusing(most_bytes)
    # when the letters are sent until they are taken
    rounds = Rounds(producer, "dlq").run(MANY)
    # then that takes few rounds, and each letter is there with its context, whole if it fits
    newest = producer.taken[-len(MANY) :]
    assert rounds <= ROUNDS
    assert [dict(one["headers"])["offset"] for one in newest] == [b"%d" % n for n in range(len(MANY))]
    whole = [one["value"] == letter.value for one, letter in zip(newest, MANY, strict=True)]
    assert [TRUNCATED in dict(one["headers"]) for one in newest] == [not one for one in whole]
    assert whole.count(True) == (300 if most_bytes >= 20_000 else 0) + (most_bytes == 200_000)
