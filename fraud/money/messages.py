"""Rates as messages of a compacted topic: one for each currency and day, under the key `USD/2025-03-14`."""

import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fraud.messages.decoding import Decoder, MessageError
from fraud.money.currencies import CURRENCIES
from fraud.money.rates import (
    DailyRates,
    date_of,
    parse_day,
    parse_rate,
    unknown_currency,
    written_rate,
)

if TYPE_CHECKING:
    from confluent_kafka import Message

_LAST_DAY = 47_481
"""The last day of the year 2099. A rate of the future is not used before its day has passed, but tables reach
to the newest one."""

_MOST_DIGITS = 1_000

log = logging.getLogger(__name__)


class RateMessage(msgspec.Struct, frozen=True):
    """How many units of `currency` one unit of `base` costs, on a `date` such as `2025-03-14`.

    In JSON the rate may be a number or a text.
    """

    base: str
    currency: str
    date: str
    rate: Decimal


def rate_message(base: str, day: int, currency: str, rate: int) -> tuple[bytes, bytes]:
    """The key and the value of a rate, in units of 10 ** -9, of a day since 1970."""
    one = RateMessage(base, currency, date_of(day).isoformat(), Decimal(written_rate(rate)))
    return _key(one.currency, one.date), msgspec.json.encode(one)


class RateMessages:
    """The rates that a topic holds after some of its messages, in their order.

    Attributes:
        refused: how many messages were left out because they cannot be used.
    """

    def __init__(self, base: str) -> None:
        self.refused = 0
        self._base = base
        self._rates: dict[tuple[int, str], int] = {}
        self._decoder = Decoder(RateMessage)

    def apply(self, message: "Message") -> None:
        """Take the next message: a later one of the same key corrects, one without a value removes.

        A message that cannot be used is left out and said.
        """
        key, value = message.key() or b"", message.value()
        try:
            if value is None:
                self._rates.pop(_parsed_key(key), None)
            else:
                place, rate = self._parsed(key, value)
                self._rates[place] = rate
        except MessageError as error:
            self.refused += 1
            log.warning(
                "offset %s of partition %s of %r is no rate and is left out: %s",
                message.offset(), message.partition(), message.topic(), error,
            )  # fmt: skip

    def daily(self) -> DailyRates:
        """The rates so far."""
        return DailyRates(self._base, dict(self._rates))

    def _parsed(self, key: bytes, value: bytes) -> tuple[tuple[int, str], int]:
        one = self._decoder.decode(value)
        if one.base != self._base:
            raise MessageError(f"its base is {one.base}, and the definitions have {self._base}")
        if key != _key(one.currency, one.date):
            raise MessageError(f"its key is {key!r}, where its value says {one.currency}/{one.date}")
        if one.currency == self._base:
            raise MessageError(f"{one.currency} is the base, which needs no rate")
        rate = _rate(one.rate)
        if isinstance(rate, str):
            raise MessageError(rate)
        return _parsed_key(key), rate


def _rate(given: Decimal) -> int | str:
    """As `parse_rate`; what is far beyond any rate is not written out, which may take all memory."""
    if not given.is_finite():
        return "the rate is no number"
    is_near = abs(given.adjusted()) <= _MOST_DIGITS
    return parse_rate(f"{given:f}" if is_near else str(given))


def _key(currency: str, date: str) -> bytes:
    return f"{currency}/{date}".encode()


def _parsed_key(key: bytes) -> tuple[int, str]:
    currency, _, date = key.decode(errors="replace").partition("/")
    if currency not in CURRENCIES:
        raise MessageError(unknown_currency(currency))
    day = parse_day(date, _LAST_DAY)
    if isinstance(day, str):
        raise MessageError(day)
    return day, currency
