"""From which day on the lake has all payments: earlier ones were removed for their age."""

from datetime import date, timedelta

from fraud.definitions.definitions import Definitions
from fraud.features.daily import LONGEST_DAYS
from fraud.lake import Lake
from fraud.preprocess.plan import DAY, REPORT_DAYS, warm_up

_PROFILES_BEHIND = 8 * DAY
"""A row's profiles may be of so many days before, as `profiles.available_after` is a week at most."""
_PATH = "transactions/_retention.json"
_FIRST_DAY = "first_day"


def history_of_a_day(definitions: Definitions) -> timedelta:
    """The days before a day whose payments its profiles and its training rows are made of."""
    return max(warm_up(definitions), (LONGEST_DAYS + REPORT_DAYS) * DAY) + _PROFILES_BEHIND


def write_first_day(lake: Lake, first: date) -> None:
    """Say that payments before this day are, or are about to be, removed."""
    lake.write_json({_FIRST_DAY: str(first)}, _PATH)


def read_first_day(lake: Lake) -> date | None:
    """The first day with all its payments; None while nothing was removed."""
    return date.fromisoformat(lake.read_json(_PATH)[_FIRST_DAY]) if lake.exists(_PATH) else None


def first_whole_day(lake: Lake, definitions: Definitions) -> date | None:
    """The first day that can be computed as it was with all payments; None: every day can."""
    first = read_first_day(lake)
    return None if first is None else first + history_of_a_day(definitions)
