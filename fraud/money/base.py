"""The base currency of definitions, and its file of rates while it is in use."""

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fraud.errors import ConfigurationError
from fraud.money.conversion import DAY_MS
from fraud.money.currencies import currency_index_of
from fraud.money.rate_table import NO_RATES, RateTable, rate_table
from fraud.money.rates import DailyRates, read_rates

MAX_AGE_DAYS = 7
"""Rates of Thursday before Easter are used until the Tuesday after it."""

_CHECK_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaseCurrency:
    """In which currency amounts are added up.

    Attributes:
        code: of the currency.
        path: of the file of rates.
        max_age_days: how many days before a payment's day its rate may be dated.
    """

    code: str
    path: Path = field(compare=False)
    max_age_days: int = MAX_AGE_DAYS

    @cached_property
    def rates(self) -> "RatesFile":
        """The file, read at the first use.

        Raises:
            ConfigurationError: it cannot be used; has a line for each mistake.
        """
        return RatesFile(self)


class RatesFile:
    """A file of rates that somebody appends to every day.

    Attributes:
        table: the rates in use. A batch is converted and recorded with the same one.
    """

    def __init__(self, money: BaseCurrency) -> None:
        self._money = money
        self._signature = _signature(money.path)
        self._daily = read_rates(money.path, money.code)
        self.table: RateTable = rate_table(self._daily, money.max_age_days)
        self._checked_at = time.monotonic()
        self._thread: threading.Thread | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What goes to other processes: the rates as they are."""
        return {name: value for name, value in vars(self).items() if name != "_thread"} | {"_thread": None}

    def has_currency(self, currency: str) -> bool:
        """Whether there is any rate of it."""
        return bool(self.table.columns[currency_index_of(currency)] != NO_RATES)

    def digest(self, first_day: int, last_day: int) -> str:
        """Identifies what the payments from one day (since 1970) to another are converted by."""
        return self._daily.digest(last_day - 1, first_day - self._money.max_age_days)

    def renew(self, newest: int, check_s: float = _CHECK_S) -> None:
        """Read the file again in a thread of its own if it has changed; it is looked at every `check_s`.

        Args:
            newest: the largest event time (ms) so far.
            check_s: seconds between two looks.
        """
        now = time.monotonic()
        if now - self._checked_at < check_s or (self._thread and self._thread.is_alive()):
            return
        self._checked_at = now
        signature = _signature(self._money.path)
        if signature != self._signature:
            self._signature = signature
            self._thread = threading.Thread(target=self._read, args=(newest,), name="rates", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until a file that is being read has been read."""
        if self._thread:
            self._thread.join()

    def _read(self, newest: int) -> None:
        try:
            daily = read_rates(self._money.path, self._money.code)
        except ConfigurationError as error:
            log.warning("the former rates stay in use: %s", error)
            return
        self._warn_of_changes(daily, newest)
        self._daily, self.table = daily, rate_table(daily, self._money.max_age_days)
        log.info("%s was read again: %d rates", self._money.path, len(daily.rates))

    def _warn_of_changes(self, daily: DailyRates, newest: int) -> None:
        """A payment of a day has the rates of the days before it; these must not change any more."""
        change = self._daily.describe_change(daily, newest // DAY_MS - 1)
        if change:
            log.warning(
                "%s: %s; payments were scored with the former rates, training will have the new ones",
                self._money.path, change,
            )  # fmt: skip


def _signature(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
