"""The base currency of definitions."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fraud.money.rates_in_use import RatesFile, RatesInUse

MAX_AGE_DAYS = 7
"""Rates of Thursday before Easter are used until the Tuesday after it."""


@dataclass(frozen=True)
class BaseCurrency:
    """In which currency amounts are added up.

    Attributes:
        code: of the currency.
        path: of the file of rates; None: they come from the topic (`fraud.money.topic`).
        max_age_days: how many days before a payment's day its rate may be dated.
    """

    code: str
    path: Path | None = field(compare=False)
    max_age_days: int = MAX_AGE_DAYS

    @property
    def source(self) -> str:
        """Where the rates come from, for messages."""
        return str(self.path or "the topic of rates")

    @cached_property
    def rates(self) -> RatesInUse:
        """The rates: of a file, read at the first use; of the topic empty until somebody has read it.

        Raises:
            ConfigurationError: the file cannot be used; has a line for each mistake.
        """
        if self.path is None:
            return RatesInUse(self.code, self.max_age_days, self.source)
        return RatesFile(self.code, self.max_age_days, self.path)
