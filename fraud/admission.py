"""The door: which messages of `transactions` count as transactions.

The verdict is a function of the partition's log up to the message, never of a clock, so that the scoring
engine and the ingest reach the same one. Event time may not run ahead of Kafka's timestamp, nor lag behind
the partition's newest by more than the allowed lateness; this bound is what makes replay exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from fraud.schema import Transaction, to_minor
from fraud.settings import AdmissionSettings


@dataclass(frozen=True)
class Admitted:
    """A transaction that counts, with its amount in minor units."""

    transaction: Transaction
    amount: int


@dataclass(frozen=True)
class Refused:
    """A message that does not count, and the sentence that says why."""

    reason: str


@dataclass
class Door:
    """Admits the messages of one partition, in order; `newest` is the largest event time let in (ms)."""

    settings: AdmissionSettings
    newest: int = 0
    _decoder: msgspec.json.Decoder[Transaction] = field(
        default_factory=lambda: msgspec.json.Decoder(Transaction), repr=False
    )

    def admit(self, value: bytes | None, kafka_timestamp: int) -> Admitted | Refused:
        """Decode and judge the next message; `kafka_timestamp` is in ms."""
        if value is None:
            return Refused("the message is empty")
        if len(value) > self.settings.max_bytes:
            return Refused(f"the message has {len(value)} bytes, more than {self.settings.max_bytes}")
        try:
            transaction = self._decoder.decode(value)
            amount = to_minor(transaction.amount, transaction.currency)
        except (msgspec.DecodeError, ValueError) as error:
            return Refused(str(error))
        reason = self._objection(transaction, amount, kafka_timestamp)
        if reason:
            return Refused(reason)
        self.newest = max(self.newest, transaction.timestamp)
        return Admitted(transaction, amount)

    def _objection(self, transaction: Transaction, amount: int, kafka_timestamp: int) -> str | None:
        bounds, time = self.settings, transaction.timestamp
        if not 0 <= amount <= bounds.max_amount:
            return f"amount {transaction.amount} is outside 0 to {bounds.max_amount} minor units"
        if time < bounds.earliest:
            return f"timestamp {time} is before the earliest allowed, {bounds.earliest}"
        if time > kafka_timestamp + _ms(bounds.clock_skew.total_seconds()):
            return f"timestamp {time} is ahead of Kafka's {kafka_timestamp} by more than {bounds.clock_skew}"
        if time < self.newest - _ms(bounds.lateness.total_seconds()):
            return f"timestamp {time} is behind the partition's {self.newest} by more than {bounds.lateness}"
        return None


def dead_letter_headers(
    reason: str, topic: str, partition: int, offset: int, time_ms: int
) -> Mapping[str, bytes]:
    """What a dead letter tells of its message: why, from where, when."""
    told = {
        "error": reason[:1_000],
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "time": time_ms,
    }
    return {name: str(value).encode("utf-8", "replace") for name, value in told.items()}


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)
