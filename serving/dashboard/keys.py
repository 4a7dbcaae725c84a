"""Which payment: a transaction id is unique within its card only."""

import hashlib
import hmac
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from fraud.schema import Label, Prediction, Transaction

CARD_REF_PATTERN = "^[0-9a-f]{16}$"


class PaymentKey(NamedTuple):
    """Identifies a payment, its alert, its labels and its reviews."""

    transaction_id: str
    card_id: str


def key_of(one: Transaction | Prediction | Label) -> PaymentKey:
    """The payment that a message is about."""
    return PaymentKey(one.transaction_id, one.card_id)


def flat(keys: Iterable[PaymentKey]) -> list[str]:
    """The keys as values of a statement, two for each."""
    return list(chain.from_iterable(keys))


def card_ref(secret: bytes, card_id: str) -> str:
    """What stands for a card in links, requests and the audit: 16 hexadecimal digits.

    Addresses end up in histories and in the logs of proxies. Without the store's secret, card numbers cannot
    be tried out against it.
    """
    return hmac.new(secret, card_id.encode(), hashlib.sha256).hexdigest()[:16]
