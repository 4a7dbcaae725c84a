"""Admission: which messages of `transactions` count as transactions.

The result is a function of the partition's log up to the message, never of a clock, so that the scoring
engine and the ingest reach the same one. Event time may not be ahead of Kafka's timestamp, nor behind the
partition's largest event time by more than the allowed lateness, nor far ahead of it
(`fraud.native.event_clock`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from fraud.cards.rule import CardRule
from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import MAX_UNITS
from fraud.kafka.keys import invalid_key_reason
from fraud.messages.card_numbers import PaymentCardNumbers
from fraud.messages.decoding import Decoder, MessageError, printable_reason
from fraud.messages.transaction import TransactionValues, Values, transaction_type
from fraud.native import event_clock
from fraud.native.admission_rules import LETTERS, Limits, is_amount_allowed, is_time_allowed
from fraud.schema import BASE_CURRENCY, currency_index_of, minor_digits
from fraud.settings import AdmissionSettings

_MILLISECOND = timedelta(milliseconds=1)
_SHORTEST_STEP = timedelta(minutes=1)
"""One message moves the clock by as much even where hardly any lateness is allowed."""
_REFUSE_CARDS = CardRule()


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A transaction that counts.

    Attributes:
        transaction: as it came, a struct of `transaction_type`.
        amount: in minor units.
        values: of all fields, in the order of the definitions.
    """

    transaction: Any
    amount: int
    values: Values


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A message that does not count, and the sentence that says why."""

    reason: str


def decoder_of_admitted(definitions: Definitions) -> Callable[[bytes], Admitted]:
    """Decodes payments of which it is known that admission admits them; no rule is checked."""
    decode = msgspec.json.Decoder(transaction_type(definitions)).decode
    read_values, amount = TransactionValues(definitions).read, definitions.field_index["amount"]

    def decode_admitted(value: bytes) -> Admitted:
        transaction = decode(value)
        values: Any = read_values(transaction)
        return Admitted(transaction, values[amount], values)

    return decode_admitted


class AdmissionFilter:
    """Validates the messages of one partition, in order.

    Attributes:
        definitions: of the messages' fields.
        state: of the partition's event-time clock, see `fraud.native.event_clock`.
        limits: as compiled code takes them.
        cards: what becomes of card numbers.
        needs_keys: whether a message may be refused because of its key, so that `validate` needs it.
        partition: the number of the partition.
        partitions: the numbers of partitions by which keys may be placed; empty: placement is not checked.
    """

    def __init__(
        self,
        definitions: Definitions,
        settings: AdmissionSettings,
        max_event_time: int = 0,
        state: Sequence[int] = (),
        partition: int = 0,
        cards: CardRule = _REFUSE_CARDS,
    ) -> None:
        self.definitions, self.cards = definitions, cards
        self.state = [*state] or event_clock.start_state(max_event_time)
        self.needs_keys = settings.key_rule == "require"
        self.partition, self.partitions = partition, settings.partitions
        self._settings = settings
        self._card_numbers = PaymentCardNumbers(definitions, cards)
        # Timedeltas are converted once: for each message that would cost more than decoding it.
        self.limits = Limits(
            settings.max_bytes,
            _max_amount_table(settings.max_amount, tuple(max_amounts(settings).items())),
            settings.earliest,
            settings.clock_skew // _MILLISECOND,
            settings.lateness // _MILLISECOND,
            max(settings.lateness // 2, _SHORTEST_STEP) // _MILLISECOND,
            settings.max_jump // _MILLISECOND,
            int(definitions.field_by_name["amount"].allows_refunds),
            self._card_numbers.checks,
        )
        self._decode = Decoder(transaction_type(definitions), max_bytes=settings.max_bytes).decode
        self._read_values = TransactionValues(definitions).read
        self._amount = definitions.field_index["amount"]
        self._time_path = f"`$.{'.'.join(definitions.field_by_name['timestamp'].path)}`"

    @property
    def max_event_time(self) -> int:
        """The partition's largest event time (ms) that is believed."""
        return self.state[event_clock.MAX]

    @property
    def low_watermark(self) -> int:
        """No transaction admitted from now on has an event time (ms) before it."""
        return event_clock.low_watermark(self.state, self.limits.lateness)

    def validate(
        self, value: bytes | None, kafka_timestamp: int, key: bytes | None = None
    ) -> Admitted | Refused:
        """Decode the next message and decide on it; `kafka_timestamp` is in ms."""
        try:
            transaction: Any = self._decode(value)
            card_id, values = transaction.card_id, self._read_values(transaction)
            found = self._card_numbers.find(values)
            if found:
                transaction = self._card_numbers.replace(transaction, found)
                values = self._read_values(transaction)
        except (MessageError, ValueError) as error:
            return Refused(printable_reason(f"{error}{self._time_unit_hint(str(error))}"))
        amount: Any = values[self._amount]
        currency = currency_index_of(transaction.currency)
        # All rules at once first, since almost every message keeps them.
        if (
            currency >= 0
            and is_amount_allowed(self.limits, amount, currency)
            and is_time_allowed(self.limits, transaction.timestamp, kafka_timestamp)
        ):
            reason = self._key_reason(card_id, key) or self._observe_event_time(transaction)
            return Refused(printable_reason(reason)) if reason else Admitted(transaction, amount, values)
        return Refused(printable_reason(self._limit_reason(transaction, amount, currency, kafka_timestamp)))

    def _time_unit_hint(self, error: str) -> str:
        """The probable unit of a timestamp that is too large for milliseconds."""
        is_too_large = "<=" in error and error.endswith(self._time_path)
        return "; it looks like micro- or nanoseconds, milliseconds are expected" if is_too_large else ""

    def _key_reason(self, card_id: str, key: bytes | None) -> str | None:
        if not self.needs_keys:
            return None
        return invalid_key_reason(key, card_id, self.partition, self.partitions)

    def _observe_event_time(self, transaction: Any) -> str | None:
        """Move the partition's clock by a message that keeps all other rules; the reason if it is refused."""
        time, limits, state = transaction.timestamp, self.limits, self.state
        card, merchant = signed_hash(transaction.card_id), _merchant_hash(transaction.merchant_id)
        if event_clock.earliest(state, limits.lateness) <= time <= event_clock.latest(state, limits.max_jump):
            event_clock.observe(state, card, merchant, time, limits.step, limits.max_jump)
            return None
        before = self.max_event_time
        if event_clock.reconsider(state, card, merchant, time, limits.lateness, limits.step, limits.max_jump):
            return None
        if time < before:
            return (
                f"timestamp {time} is behind the partition's {before} by more than {self._settings.lateness}"
            )
        return (
            f"timestamp {time} is ahead of the partition's {before} by more than {self._settings.max_jump}; "
            "it counts once several cards have come so far, and `fraud redrive` brings it back then"
        )

    def _limit_reason(self, transaction: Any, amount: int, currency: int, kafka_timestamp: int) -> str:
        settings, time = self._settings, transaction.timestamp
        if currency < 0:
            return f"currency {transaction.currency!r} is not a code of three capitals"
        if not is_amount_allowed(self.limits, amount, currency):
            most = self.limits.max_amounts[currency]
            least = -self.limits.refunds * most
            return (
                f"amount {transaction.amount} is outside {least} to {most} minor units of "
                f"{transaction.currency}{_refund_hint(amount, self.limits)}"
            )
        if time < settings.earliest:
            hint = _seconds_hint(time, settings.earliest)
            return f"timestamp {time} is before the earliest allowed, {settings.earliest}{hint}"
        if kafka_timestamp < 0:
            return (
                f"the message has no Kafka timestamp ({kafka_timestamp}) to compare timestamp {time} with; "
                "its sender must set one, or the topic message.timestamp.type=LogAppendTime"
            )
        return f"timestamp {time} is ahead of Kafka's {kafka_timestamp} by more than {settings.clock_skew}"


def signed_hash(text: str) -> int:
    """A card's hash as the clock's state has it: the bits of `hash_identifier` as a signed integer."""
    value = xxh3_64_intdigest(text.encode())
    return value - (1 << 64) if value >> 63 else value


def _merchant_hash(text: str) -> int:
    return xxh3_64_intdigest(text.encode()) & 0xFFFF_FFFF


def _seconds_hint(time: int, earliest: int) -> str:
    return "; it looks like seconds, milliseconds are expected" if time * 1_000 >= earliest else ""


def _refund_hint(amount: int, limits: Limits) -> str:
    is_refund = amount < 0 and not limits.refunds
    return "; definitions that have refunds say so: amount: {type: money, refunds: true}" if is_refund else ""


def max_amounts(settings: AdmissionSettings) -> dict[str, int]:
    """The largest amount of each currency with a rate, in minor units; of others it is `max_amount`."""
    largest = Decimal(settings.max_amount).scaleb(-minor_digits(BASE_CURRENCY))
    return {
        currency: min(MAX_UNITS, int((largest * Decimal(str(rate))).scaleb(minor_digits(currency))))
        for currency, rate in settings.per_euro.items()
    }


@cache
def _max_amount_table(max_amount: int, amounts: tuple[tuple[str, int], ...]) -> npt.NDArray[np.int64]:
    """The largest amount by `currency_index`, int64 (LETTERS ** 3,)."""
    table = np.full(LETTERS**3, max_amount, dtype=np.int64)
    for currency, most in amounts:
        table[currency_index_of(currency)] = most
    return table


MASKED = "masked"
"""The last header of a dead letter in which card numbers were masked, before `TRUNCATED` if there is that."""

TRUNCATED = "truncated"
"""The last header of a dead letter whose message was too large to be kept whole."""


def dead_letter_headers(
    reason: str, topic: str, partition: int, offset: int, time_ms: int
) -> Mapping[str, bytes]:
    """The context headers of a dead letter, after the message's own: reason, position and time (ms)."""
    context = {
        "error": reason[:1_000],
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "time": time_ms,
    }
    return {name: str(value).encode("utf-8", "replace") for name, value in context.items()}
