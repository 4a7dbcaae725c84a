"""The body of a request as a payment: what the engine's admission would refuse is refused here already."""

import re
import time
from typing import Any, NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from fraud.cards.masking import mask_bytes
from fraud.definitions.definitions import Definitions
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native import event_clock
from fraud.settings import Settings

_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_MILLIS = 1_000_000
_NO_JSON = 400


class Payment(NamedTuple):
    """A payment that may be sent; `content` is a hash of all values, `amount` is in minor units."""

    transaction_id: str
    card_id: str
    timestamp: int
    amount: int
    currency: str
    content: int


class ReadPayment(NamedTuple):
    """A payment, and the body that is sent to Kafka: with pseudonyms in the place of card numbers."""

    payment: Payment
    body: bytes


class RefusedPaymentError(Exception):
    """The body is no payment: `status` is HTTP's, `field` the field at fault if it is known."""

    def __init__(self, reason: str, status: int, field: str | None) -> None:
        super().__init__(reason)
        self.status, self.field = status, field


class PaymentReader:
    """Reads payments as the engine does, but for what only the partition's log can say."""

    def __init__(self, settings: Settings) -> None:
        self._definitions = settings.loaded_definitions
        # The gateway sets the key itself.
        rules = settings.admission.model_copy(update={"key_rule": "check", "partitions": ()})
        self._cards = settings.card_rule
        self._filter = AdmissionFilter(self._definitions, rules, cards=self._cards)
        self._start_state = event_clock.start_state()
        self._names = field_names(self._definitions)

    def read(self, body: bytes) -> ReadPayment:
        """The payment of a request's body.

        Raises:
            RefusedPaymentError: admission would refuse it.
        """
        # JSON of which card numbers are replaced is JSON; what is none is refused as it is.
        if self._cards.keys is not None and mask_bytes(body) != body and body_status(body) != _NO_JSON:
            body = self._cards.replace_json(body)
        return ReadPayment(self._validated(body), body)

    def read_any(self, body: bytes) -> Payment | None:
        """The payment of a message that the engine refused; None if it is none that came from here."""
        try:
            return self._validated(body)
        except RefusedPaymentError:
            return None

    def _validated(self, body: bytes) -> Payment:
        now_ms = time.time_ns() // _MILLIS
        # Whether a time is late for its partition is for the engine to say.
        self._filter.state[:] = self._start_state
        found = self._filter.validate(body, now_ms)
        if not isinstance(found, Admitted):
            raise RefusedPaymentError(found.reason, body_status(body), self._field(found.reason))
        return payment_of(found)

    def _field(self, reason: str) -> str | None:
        first = reason.partition(" ")[0]
        return field_at_fault(reason) or (first if first in self._names else None)


def payment_of(admitted: Admitted) -> Payment:
    """The parts of a payment that the gateway compares."""
    sent: Any = admitted.transaction
    return Payment(
        sent.transaction_id,
        sent.card_id,
        sent.timestamp,
        admitted.amount,
        sent.currency,
        xxh3_64_intdigest(msgspec.msgpack.encode(admitted.values)),
    )


def field_names(definitions: Definitions) -> set[str]:
    """The names of the fields, and those in the message."""
    return {name for field in definitions.fields for name in (field.name, *field.path)}


def field_at_fault(reason: str) -> str | None:
    """The path of the field that a decoder's error names; None if it names none."""
    missing = _MISSING.search(reason)
    path = _PATH.search(reason)
    inside = path[1] if path else ""
    return ".".join(one for one in (inside, missing[1] if missing else "") if one) or None


def body_status(body: bytes) -> int:
    """400 for what is no JSON, 422 for JSON that is not what it should be."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _NO_JSON
    return 422
