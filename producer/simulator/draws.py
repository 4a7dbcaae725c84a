"""Random numbers by purpose, and the columns in which payments are carried while they are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """The random numbers of one purpose on one day: no other purpose's use of numbers moves them."""
    return np.random.default_rng([seed, crc32(purpose.encode()), *numbers])


@dataclass(frozen=True)
class Payments:
    """Payments as parallel arrays: card and merchant by index, time in UTC ms, amount in euros."""

    card: Ints
    merchant: Ints
    time: Ints
    amount: Floats

    def __len__(self) -> int:
        return len(self.card)

    def select(self, chosen: Bools | Ints) -> "Payments":
        """The payments at the positions or for which the mask is true."""
        return Payments(self.card[chosen], self.merchant[chosen], self.time[chosen], self.amount[chosen])

    def within(self, first: int, end: int) -> "Payments":
        """Those with `first <= time < end`."""
        return self.select((self.time >= first) & (self.time < end))

    @staticmethod
    def concat(parts: Sequence["Payments"]) -> "Payments":
        """All parts, one after another."""
        return Payments(
            np.concatenate([part.card for part in parts] or [np.empty(0, np.int64)]),
            np.concatenate([part.merchant for part in parts] or [np.empty(0, np.int64)]),
            np.concatenate([part.time for part in parts] or [np.empty(0, np.int64)]),
            np.concatenate([part.amount for part in parts] or [np.empty(0, np.float64)]),
        )


def waits(random: np.random.Generator, count: int, mean_ms: float, at_least_ms: int = 1_000) -> Ints:
    """`count` exponential waiting times."""
    return at_least_ms + random.exponential(mean_ms, count).astype(np.int64)


def around_one(random: np.random.Generator, median: float, spread: float, count: int) -> Floats:
    """`count` log-normal factors."""
    return median * np.exp(random.normal(0.0, spread, count))
