"""Admission: which messages of `transactions` count as transactions.

The verdict is a function of the partition's log up to the message, never of a clock, so that the scoring
engine and the ingest reach the same one. Event time may not run ahead of Kafka's timestamp, nor lag behind
the partition's clock by more than the allowed lateness, nor be far ahead of it (`fraud.native.event_clock`).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from fraud.kafka.keys import invalid_key_reason
from fraud.messages.decoding import Decoder, MessageError, sentence
from fraud.native import event_clock
from fraud.schema import (
    BASE_CURRENCY,
    LETTERS,
    Transaction,
    currency_index,
    is_currency,
    minor_digits,
    to_minor,
)
from fraud.settings import AdmissionSettings

_MILLISECOND = timedelta(milliseconds=1)
_SHORTEST_STEP = timedelta(minutes=1)
"""So far one message moves the clock also where hardly any lateness is allowed."""
MAX_MINOR_UNITS = 1_000_000_000_000
"""The largest amount of any currency, in minor units: up to it all sums of amounts and squares stay exact."""


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
    max_amounts: npt.NDArray[np.int64]
    earliest: int
    clock_skew: int
    lateness: int
    step: int
    max_jump: int


class AdmissionFilter:
    """Admits the messages of one partition, in order.

    Attributes:
        state: of the partition's clock, see `fraud.native.event_clock`.
        needs_keys: whether a message is refused because of its key, so that `validate` must be given it.
        partition: whose messages these are.
        partitions: the numbers of partitions by which keys are placed; none: their place does not matter.
    """

    def __init__(
        self,
        settings: AdmissionSettings,
        max_event_time: int = 0,
        state: Sequence[int] = (),
        partition: int = 0,
    ) -> None:
        self.state = [*state] or event_clock.start_state(max_event_time)
        self.needs_keys = settings.key_rule == "require"
        self.partition, self.partitions = partition, settings.partitions
        self._settings = settings
        self._max_amounts = max_amounts(settings)
        # Looked up for every message; what a timedelta does then would cost more than the decoding.
        self.bounds = Bounds(
            settings.max_bytes,
            settings.max_amount,
            _limit_table(settings.max_amount, tuple(self._max_amounts.items())),
            settings.earliest,
            settings.clock_skew // _MILLISECOND,
            settings.lateness // _MILLISECOND,
            max(settings.lateness // 2, _SHORTEST_STEP) // _MILLISECOND,
            settings.max_jump // _MILLISECOND,
        )
        self._decode = Decoder(Transaction, max_bytes=settings.max_bytes).decode

    @property
    def max_event_time(self) -> int:
        """The partition's clock: the largest event time (ms) that is believed."""
        return self.state[event_clock.MAX]

    @property
    def low_watermark(self) -> int:
        """No transaction admitted from now on has an event time (ms) before it."""
        return event_clock.low_watermark(self.state, self.bounds.lateness)

    def validate(
        self, value: bytes | None, kafka_timestamp: int, key: bytes | None = None
    ) -> Admitted | Refused:
        """Decode the next message and decide on it; `kafka_timestamp` is in ms."""
        try:
            transaction = self._decode(value)
            amount = to_minor(transaction.amount, transaction.currency)
        except (MessageError, ValueError) as error:
            return Refused(sentence(f"{error}{_unit_of_time(str(error))}"))
        bounds, time = self.bounds, transaction.timestamp
        # Everything at once, since almost every message is well.
        if (
            is_currency(transaction.currency)
            and 0 <= amount <= self._max_amounts.get(transaction.currency, bounds.max_amount)
            and bounds.earliest <= time <= kafka_timestamp + bounds.clock_skew
        ):
            objection = self._key_objection(transaction, key) or self._clock_objection(transaction)
            return Refused(sentence(objection)) if objection else Admitted(transaction, amount)
        return Refused(sentence(self._objection(transaction, amount, kafka_timestamp)))

    def _key_objection(self, transaction: Transaction, key: bytes | None) -> str | None:
        if not self.needs_keys:
            return None
        return invalid_key_reason(key, transaction.card_id, self.partition, self.partitions)

    def _clock_objection(self, transaction: Transaction) -> str | None:
        """Move the partition's clock by a message that is well otherwise; why it is refused, None if not."""
        time, bounds, state = transaction.timestamp, self.bounds, self.state
        card, merchant = signed_hash(transaction.card_id), _merchant_hash(transaction.merchant_id)
        if event_clock.earliest(state, bounds.lateness) <= time <= event_clock.latest(state, bounds.max_jump):
            event_clock.observe(state, card, merchant, time, bounds.step, bounds.max_jump)
            return None
        before = self.max_event_time
        if event_clock.reconsider(state, card, merchant, time, bounds.lateness, bounds.step, bounds.max_jump):
            return None
        if time < before:
            return (
                f"timestamp {time} is behind the partition's {before} by more than {self._settings.lateness}"
            )
        return (
            f"timestamp {time} is ahead of the partition's {before} by more than {self._settings.max_jump}; "
            "it counts once several cards have come so far, and `fraud redrive` brings it back then"
        )

    def _objection(self, transaction: Transaction, amount: int, kafka_timestamp: int) -> str:
        bounds, time = self._settings, transaction.timestamp
        if not is_currency(transaction.currency):
            return f"currency {transaction.currency!r} is not a code of three capitals"
        most = self._max_amounts.get(transaction.currency, bounds.max_amount)
        if not 0 <= amount <= most:
            return f"amount {transaction.amount} is outside 0 to {most} minor units of {transaction.currency}"
        if time < bounds.earliest:
            hint = _looks_like_seconds(time, bounds.earliest)
            return f"timestamp {time} is before the earliest allowed, {bounds.earliest}{hint}"
        if kafka_timestamp < 0:
            return (
                f"Kafka has no timestamp of the message ({kafka_timestamp}), against which timestamp {time} "
                "could be held; its sender must set one, or the topic message.timestamp.type=LogAppendTime"
            )
        return f"timestamp {time} is ahead of Kafka's {kafka_timestamp} by more than {bounds.clock_skew}"


def signed_hash(text: str) -> int:
    """A card's hash as the clock keeps it: the bits of `hash_identifier`, read as a signed integer."""
    value = xxh3_64_intdigest(text.encode())
    return value - (1 << 64) if value >> 63 else value


def _merchant_hash(text: str) -> int:
    return xxh3_64_intdigest(text.encode()) & 0xFFFF_FFFF


def _looks_like_seconds(time: int, earliest: int) -> str:
    return "; it looks like seconds, milliseconds are expected" if time * 1_000 >= earliest else ""


def _unit_of_time(error: str) -> str:
    """What a timestamp that is too large for milliseconds probably is."""
    is_too_large = "<=" in error and error.endswith("`$.timestamp`")
    return "; it looks like micro- or nanoseconds, milliseconds are expected" if is_too_large else ""


def max_amounts(settings: AdmissionSettings) -> dict[str, int]:
    """The largest amount of each currency with a rate, in minor units; of others it is `max_amount`."""
    largest = Decimal(settings.max_amount).scaleb(-minor_digits(BASE_CURRENCY))
    return {
        currency: min(MAX_MINOR_UNITS, int((largest * Decimal(str(rate))).scaleb(minor_digits(currency))))
        for currency, rate in settings.per_euro.items()
    }


@cache
def _limit_table(max_amount: int, largest: tuple[tuple[str, int], ...]) -> npt.NDArray[np.int64]:
    """The same for compiled code, by `currency_index`."""
    table = np.full(LETTERS**3, max_amount, dtype=np.int64)
    for currency, most in largest:
        table[currency_index(currency)] = most
    return table


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
