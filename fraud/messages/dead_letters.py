"""Dead letters: a refused message as it was, with the reason and its position in context headers.

Only card numbers are masked, whatever the message is refused for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fraud.cards.rule import CardRule
from fraud.messages.admission import MASKED, TRUNCATED, dead_letter_headers
from fraud.messages.decoding import headers_of

Headers = list[tuple[str, bytes | None]]
"""In order; a name may occur twice."""

Report = Callable[[Any, Any], None]
"""The delivery report of a message: an error or None, and the message."""

_TRUNCATED_TO = 65_536


@dataclass(frozen=True)
class DeadLetter:
    """A refused message: its bytes and headers, and context headers with the reason and its position.

    Where card numbers were masked, the last context header says so.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    context: Headers

    @property
    def size(self) -> int:
        """About how many bytes it has in Kafka."""
        texts = sum(len(name) + len(value or b"") for name, value in (*self.headers, *self.context))
        return len(self.key or b"") + len(self.value or b"") + texts

    def truncated(self, most: int = _TRUNCATED_TO) -> "DeadLetter":
        """The letter without headers of its own, with at most so many bytes of its value and key."""
        value, key = (self.value or b"")[:most], (self.key or b"")[:most]
        return DeadLetter(key, value, [], [*self.context, (TRUNCATED, b"true")])


def dead_letter(message: Any, reason: str, cards: CardRule) -> DeadLetter:
    """The dead letter of a message that is refused for `reason`."""
    headers = headers_of(message)
    if headers is None:
        reason += "; its headers cannot be read and are left out"
    added = dead_letter_headers(
        reason, message.topic(), message.partition(), message.offset(), message.timestamp()[1]
    )
    sent = (message.key(), message.value(), headers or [])
    key, value = cards.clean_key(message.key()), cards.clean_payload(message.value())
    cleaned = [(cards.clean_name(name), cards.clean_payload(text)) for name, text in headers or []]
    is_masked = (key, value, cleaned) != sent
    return DeadLetter(key, value, cleaned, [*added.items(), *([(MASKED, b"true")] if is_masked else [])])


def send_dead_letter(producer: Any, topic: str, letter: DeadLetter, report: Report | None = None) -> None:
    """Produce a letter; one that is too large with its headers is truncated and has a header that says so.

    Raises:
        KafkaException: the producer does not take it.
    """
    try:
        _produce(producer, topic, letter, report)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
            raise
        _produce(producer, topic, letter.truncated(), report)


def _produce(producer: Any, topic: str, letter: DeadLetter, report: Report | None) -> None:
    # Redrive removes the context headers from the end.
    headers = letter.headers + letter.context
    producer.produce(topic, key=letter.key, value=letter.value, headers=headers, on_delivery=report)
