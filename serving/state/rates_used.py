"""By which rates the amounts in a partition's state were converted, so that a snapshot can be held to it.

A payment has the rates of the days before it, which should not change any more. If one does, a replay gives
other amounts than the state has. A snapshot of such a state is not used.
"""

from fraud.definitions.definitions import Definitions
from fraud.messages.admission import AdmissionFilter
from fraud.money.conversion import DAY_MS
from fraud.money.rates import DailyRates

_SEVERAL = "several"
"""Instead of a digest: a past rate changed while the state was made."""


class RatesUsed:
    """Follows the changes of rates for one partition; without a base currency it does nothing."""

    def __init__(self, definitions: Definitions) -> None:
        self._money = definitions.money
        self._history_ms = definitions.history_ms
        self._changes = len(self._money.rates.first_changes) if self._money else 0
        self._changed_at = 0

    def observe(self, max_event_time: int) -> None:
        """Call it after each batch, with the largest event time (ms) so far."""
        if self._money is None or len(changes := self._money.rates.first_changes) == self._changes:
            return
        if min(changes[self._changes :]) < max_event_time // DAY_MS:
            self._changed_at = max_event_time
        self._changes = len(changes)

    def mark(self, admission: AdmissionFilter) -> "RatesMark | None":
        """What a snapshot at `admission` records; None without a base currency."""
        if self._money is None:
            return None
        self.observe(admission.max_event_time)
        oldest_ms = admission.low_watermark - self._history_ms
        return RatesMark(
            self._money.rates.daily,
            oldest_ms // DAY_MS - self._money.max_age_days,
            admission.max_event_time // DAY_MS - 1,
            is_of_one=self._changed_at <= oldest_ms or not self._changed_at,
        )


class RatesMark:
    """The rates of the payments in a state; the digest, which takes a moment, is for another thread."""

    def __init__(self, daily: DailyRates, first_day: int, last_day: int, *, is_of_one: bool) -> None:
        self._daily, self._days, self._is_of_one = daily, (first_day, last_day), is_of_one

    def digest(self) -> str:
        """Identifies the rates; of a state that several were used for it equals no other."""
        first_day, last_day = self._days
        return self._daily.digest(last_day, first_day) if self._is_of_one else _SEVERAL
