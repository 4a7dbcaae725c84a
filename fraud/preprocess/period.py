"""The days that a run of the preprocessing covers."""

from dataclasses import dataclass
from datetime import date, timedelta

from fraud.errors import ConfigurationError, DataError
from fraud.features.availability import days_behind
from fraud.lake import Lake
from fraud.preprocess.plan import DAY, LakeIndex, days_between


@dataclass(frozen=True)
class Period:
    """The days of training rows, and the day whose profiles are published to serving."""

    first: date
    last: date
    publish: date
    available_after: timedelta = timedelta()
    """How long after midnight a day's profiles are available."""

    @property
    def row_days(self) -> list[date]:
        """The days of training rows."""
        return days_between(self.first, self.last)

    @property
    def profile_days(self) -> list[date]:
        """The days of profiles: those that the rows use, and the one to publish."""
        first = self.first - days_behind(self.available_after) * DAY
        return days_between(first, max(self.last, self.publish))


def choose_period(
    lake: Lake,
    start: date | None,
    end: date | None,
    today: date,
    available_after: timedelta = timedelta(),
    first_whole: date | None = None,
) -> Period:
    """Choose the days; by default all days of the lake from `first_whole` on.

    Serving scores payments that follow the rows, so the profiles of the day after the last are published:
    they cover all of the last day. They are not published before that day has started, because they would be
    incomplete. Days before `first_whole` depend on payments that were removed for their age; their rows
    stay as they were computed.

    Raises:
        ConfigurationError: the end is before the start.
        DataError: the lake has no transactions in these days, or no longer all that they depend on.
    """
    index = LakeIndex.of_transactions(lake)
    first, last = start or max(index.first, first_whole or index.first), end or index.last
    if first_whole is not None and first < first_whole:
        raise DataError(
            f"days before {first_whole} cannot be computed again, because payments that they depend on were "
            f"removed for their age (FRAUD_RETENTION__LAKE_DAYS); choose --start {first_whole} or later"
        )
    if last < first:
        raise ConfigurationError(
            f"the days end on {last}, before they start on {first}; swap --start and --end"
        )
    if not index.within(max(first, index.first), min(last, index.last)):
        raise DataError(
            f"the lake has transactions from {index.first} to {index.last}, none from {first} to {last}; "
            "choose --start and --end within, or ingest more"
        )
    return Period(first, last, min(last + DAY, max(today, last)), available_after)
