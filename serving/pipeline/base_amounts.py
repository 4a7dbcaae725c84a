"""The base currency in the serving loop: what predictions record of it, and what is said where rates lack."""

import logging
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import UNKNOWN
from fraud.features.decoded_batch import DecodedBatch
from fraud.money.rates import date_of
from serving.prediction_columns import ABSENT

_LOG_EVERY_S = 30.0

log = logging.getLogger(__name__)


class RateWatch:
    """Renews the file of rates, and says which currencies lack one."""

    def __init__(self) -> None:
        self._logged_at = -_LOG_EVERY_S
        self._unknown = 0

    def observe(self, definitions: Definitions, decoded: DecodedBatch, max_event_time: int) -> None:
        """After each batch of a partition, whose largest event time (ms) is given."""
        if definitions.money is None:
            return
        definitions.money.rates.renew(max_event_time)
        if decoded.unknown_amounts:
            self._warn(definitions, decoded)

    def _warn(self, definitions: Definitions, decoded: DecodedBatch) -> None:
        assert definitions.money is not None
        self._unknown += decoded.unknown_amounts
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            log.warning(
                "%d payments so far had no usable rate, last in %s: their amounts are unknown to features; "
                "add the rates of the days before to %s",
                self._unknown, ", ".join(_currencies_without_rate(definitions, decoded)),
                definitions.money.source,
            )  # fmt: skip


def _currencies_without_rate(definitions: Definitions, decoded: DecodedBatch) -> list[str]:
    values, index = decoded.events.values, definitions.field_index
    numbers = np.unique(values[values[:, index["amount"]] == UNKNOWN, index["currency"]])
    return [int(number).to_bytes(3, "big").decode() for number in numbers]


def amounts_in_base(decoded: Sequence[DecodedBatch]) -> npt.NDArray[np.int64]:
    """The amounts of all transactions in minor units of the base, or `UNKNOWN`; there is a base."""
    return np.concatenate([batch.base_amounts()[0] for batch in decoded])


def base_columns(decoded: Sequence[DecodedBatch]) -> dict[str, Iterable[Any]]:
    """`amount_base` and `rate_date` of `Prediction`, for all transactions; None where there is none."""
    if not decoded or decoded[0].rates is None:
        return {"amount_base": ABSENT, "rate_date": ABSENT}
    found = [batch.base_amounts() for batch in decoded]
    amounts = chain.from_iterable(amounts.tolist() for amounts, _ in found)
    days = np.concatenate([days for _, days in found]).tolist()
    dates = {day: None if day < 0 else date_of(day).isoformat() for day in set(days)}
    return {
        "amount_base": [None if amount == UNKNOWN else amount for amount in amounts],
        "rate_date": [dates[day] for day in days],
    }
