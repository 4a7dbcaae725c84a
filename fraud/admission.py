"""The door: which messages of `transactions` count as transactions.

The verdict is a function of the partition's log up to the message, never of a clock, so that the scoring
engine and the ingest reach the same one. Event time may not run ahead of Kafka's timestamp, nor lag behind
the partition's newest by more than the allowed lateness; this bound is what makes replay exact.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec

from fraud.messages import Decoder, MessageError, sentence
from fraud.schema import Transaction, is_currency, to_minor
from fraud.settings import AdmissionSettings

_MILLISECOND = timedelta(milliseconds=1)


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A transaction that counts, with its amount in minor units."""

    transaction: Transaction
    amount: int


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A message that does not count, and the sentence that says why."""

    reason: str


class Bounds(NamedTuple):
    """What a message must keep to: bytes, minor units, and ms."""

    max_bytes: int
    max_amount: int
    earliest: int
    clock_skew: int
    lateness: int


class Door:
    """Admits the messages of one partition, in order; `newest` is the largest event time let in (ms)."""

    def __init__(self, settings: AdmissionSettings, newest: int = 0) -> None:
        self.newest = newest
        self._settings = settings
        # Looked up for every message; what a timedelta does then would cost more than the decoding.
        self.bounds = Bounds(
            settings.max_bytes,
            settings.max_amount,
            settings.earliest,
            settings.clock_skew // _MILLISECOND,
            settings.lateness // _MILLISECOND,
        )
        self._decode = Decoder(Transaction, max_bytes=settings.max_bytes).decode

    @property
    def oldest_possible(self) -> int:
        """No transaction admitted from now on has an event time (ms) before it."""
        return self.newest - self.bounds.lateness

    def admit(self, value: bytes | None, kafka_timestamp: int) -> Admitted | Refused:
        """Decode and judge the next message; `kafka_timestamp` is in ms."""
        try:
            transaction = self._decode(value)
            amount = to_minor(transaction.amount, transaction.currency)
        except (MessageError, ValueError) as error:
            return Refused(sentence(str(error)))
        bounds, time = self.bounds, transaction.timestamp
        # Everything at once, since almost every message is well.
        if (
            is_currency(transaction.currency)
            and 0 <= amount <= bounds.max_amount
            and bounds.earliest <= time <= kafka_timestamp + bounds.clock_skew
            and time >= self.newest - bounds.lateness
        ):
            if time > self.newest:
                self.newest = time
            return Admitted(transaction, amount)
        return Refused(sentence(self._objection(transaction, amount, kafka_timestamp)))

    def _objection(self, transaction: Transaction, amount: int, kafka_timestamp: int) -> str:
        bounds, time = self._settings, transaction.timestamp
        if not is_currency(transaction.currency):
            return f"currency {transaction.currency!r} is not a code of three capitals"
        if not 0 <= amount <= bounds.max_amount:
            return f"amount {transaction.amount} is outside 0 to {bounds.max_amount} minor units"
        if time < bounds.earliest:
            return f"timestamp {time} is before the earliest allowed, {bounds.earliest}"
        if time > kafka_timestamp + self.bounds.clock_skew:
            return f"timestamp {time} is ahead of Kafka's {kafka_timestamp} by more than {bounds.clock_skew}"
        return f"timestamp {time} is behind the partition's {self.newest} by more than {bounds.lateness}"


TRUNCATED = "truncated"
"""The last header of a dead letter whose message was too large to be kept whole."""


def dead_letter_headers(
    reason: str, topic: str, partition: int, offset: int, time_ms: int
) -> Mapping[str, bytes]:
    """What a dead letter tells of its message, after the message's own headers: why, from where, when."""
    told = {
        "error": reason[:1_000],
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "time": time_ms,
    }
    return {name: str(value).encode("utf-8", "replace") for name, value in told.items()}
