"""The rates of a base currency while they are in use; they grow by a day every day."""

import logging
import threading
import time
from pathlib import Path
from typing import Any

from fraud.errors import ConfigurationError
from fraud.money.conversion import DAY_MS
from fraud.money.currencies import currency_index_of
from fraud.money.rate_table import NO_RATES, RateTable, rate_table
from fraud.money.rates import DailyRates, read_rates

_CHECK_S = 10.0

log = logging.getLogger(__name__)


class RatesInUse:
    """The rates that payments are converted by; any thread may read and replace them."""

    def __init__(self, base: str, max_age_days: int, source: str) -> None:
        self._base = base
        self._max_age_days = max_age_days
        self._source = source
        self._in_use: tuple[DailyRates, RateTable, tuple[int, ...]] | None = None
        self._newest = 0

    @property
    def is_loaded(self) -> bool:
        """Whether there are rates; those of a topic are read by who uses them."""
        return self._in_use is not None

    @property
    def table(self) -> RateTable:
        """A batch is converted and recorded with the same one.

        Raises:
            ConfigurationError: nobody has read the topic.
        """
        return self._loaded()[1]

    @property
    def daily(self) -> DailyRates:
        """What the table is made of.

        Raises:
            ConfigurationError: nobody has read the topic.
        """
        return self._loaded()[0]

    @property
    def first_changes(self) -> tuple[int, ...]:
        """Of each replacement by other rates the first day (since 1970) on which they differ."""
        return self._in_use[2] if self._in_use else ()

    def has_currency(self, currency: str) -> bool:
        """Whether there is any rate of it."""
        return bool(self.table.columns[currency_index_of(currency)] != NO_RATES)

    def digest(self, first_day: int, last_day: int) -> str:
        """Identifies what the payments from one day (since 1970) to another are converted by."""
        return self.daily.digest(last_day - 1, first_day - self._max_age_days)

    def replace(self, daily: DailyRates) -> None:
        """Use other rates from now on.

        A payment of a day has the rates of the days before it. If these differ for payments that were seen
        already, that is said.
        """
        former, table = self._in_use, rate_table(daily, self._max_age_days)
        if former is None:
            self._in_use = daily, table, ()
            return
        if former[0].rates == daily.rates:
            return
        self._in_use = daily, table, (*former[2], former[0].first_change(daily))
        change = former[0].describe_change(daily, self._newest // DAY_MS - 1)
        if change:
            log.warning(
                "%s: %s; payments were scored with the former rates, training will have the new ones",
                self._source, change,
            )  # fmt: skip

    def renew(self, newest: int, check_s: float = _CHECK_S) -> None:
        """Look whether the source has changed; a topic is followed by a thread of serving's instead.

        Args:
            newest: the largest event time (ms) of a partition so far.
            check_s: seconds between two looks.
        """
        self._newest = max(self._newest, newest)

    def wait(self) -> None:
        """Wait until a source that is being read has been read."""

    def _loaded(self) -> tuple[DailyRates, RateTable, tuple[int, ...]]:
        if self._in_use is None:
            raise ConfigurationError(
                f"amounts in {self._base} need the rates of {self._source}, and nobody has read them"
            )
        return self._in_use


class RatesFile(RatesInUse):
    """A file of rates that somebody appends to every day."""

    def __init__(self, base: str, max_age_days: int, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigurationError: it cannot be used.
        """
        super().__init__(base, max_age_days, str(path))
        self._path = path
        self._signature = _signature(path)
        self.replace(read_rates(path, base))
        self._checked_at = time.monotonic()
        self._thread: threading.Thread | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What goes to other processes: the rates as they are."""
        return {name: value for name, value in vars(self).items() if name != "_thread"} | {"_thread": None}

    def renew(self, newest: int, check_s: float = _CHECK_S) -> None:
        """Read the file again in a thread of its own if it has changed; it is looked at every `check_s`."""
        super().renew(newest)
        now = time.monotonic()
        if now - self._checked_at < check_s or (self._thread and self._thread.is_alive()):
            return
        self._checked_at = now
        signature = _signature(self._path)
        if signature != self._signature:
            self._signature = signature
            self._thread = threading.Thread(target=self._read, name="rates", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until a file that is being read has been read."""
        if self._thread:
            self._thread.join()

    def _read(self) -> None:
        try:
            daily = read_rates(self._path, self._base)
        except ConfigurationError as error:
            log.warning("the former rates stay in use: %s", error)
            return
        self.replace(daily)
        log.info("%s was read again: %d rates", self._path, len(daily.rates))


def _signature(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
