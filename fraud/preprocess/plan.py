"""Which files of the lake a day depends on, and the fingerprint by which a change is noticed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec
from xxhash import xxh3_128_hexdigest

from fraud.errors import DataError
from fraud.features.daily import LONGEST_DAYS
from fraud.features.spec import DAY_MS, FEATURE_VERSION, LONGEST_WINDOW_MS
from fraud.ingest.commits import LakeFile, day_of, read_commits
from fraud.lake import Lake
from fraud.settings import LabelSettings

WARM_UP_DAYS = -(-LONGEST_WINDOW_MS // DAY_MS)
"""A card's state on a day depends on these days before it."""

REPORT_DAYS = 120
"""A report of fraud counts for its merchant when the payment is at most this much older than the first day
that the profile looks at: the card schemes' time limit for chargebacks."""

DAY = timedelta(days=1)


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included."""
    return [first + number * DAY for number in range((last - first).days + 1)]


def fingerprint(*parts: object) -> str:
    """A digest of the parts and of the version of the features."""
    return xxh3_128_hexdigest(msgspec.json.encode([FEATURE_VERSION, *parts], order="deterministic"))


class LakeIndex:
    """The committed files by day."""

    def __init__(self, files: Iterable[LakeFile], now_ms: int = 0) -> None:
        """`now_ms` is how far the partitions' clocks have come, 0 if unknown."""
        self._now = day_of(now_ms) if now_ms else date.max
        self._days: dict[date, list[LakeFile]] = defaultdict(list)
        for file in files:
            self._days[file.date].append(file)

    @classmethod
    def of_transactions(cls, lake: Lake) -> "LakeIndex":
        """The transactions of the lake.

        Raises:
            DataError: there are none.
        """
        commits = read_commits(lake, "transactions")
        files = [file for commit in commits for file in commit.files]
        if not files:
            raise DataError("the lake has no transactions yet; run flows/ingest.py first")
        return cls(files, max(commit.max_event_time for commit in commits))

    @property
    def first(self) -> date:
        """The first day with rows."""
        return min(self._days)

    @property
    def last(self) -> date:
        """The last day with rows that a clock has reached; a payment may be dated further ahead."""
        return max((day for day in self._days if day <= self._now), default=max(self._days))

    def within(self, first: date, last: date) -> list[LakeFile]:
        """The files from `first` to `last`, both included, by day."""
        return [file for day in days_between(first, last) for file in self._days.get(day, ())]

    def since(self, first: date) -> list[LakeFile]:
        """The files from `first` on, by day."""
        return [file for day in sorted(self._days) if day >= first for file in self._days[day]]


def state_files(index: LakeIndex, day: date) -> list[LakeFile]:
    """The files from which the features of the day's rows are computed.

    Those of the warm-up, of the day itself, and of the days after it: late rows come after rows of later
    days, and some are dated far ahead. What arrived after the day's last row in its partition cannot matter.
    """
    ends: dict[int, int] = {}
    for file in index.within(day, day):
        ends[file.partition] = max(ends.get(file.partition, 0), file.end)
    around = index.since(day - WARM_UP_DAYS * DAY)
    return [file for file in around if file.start < ends.get(file.partition, 0)]


def label_days(first: date, last: date) -> list[date]:
    """The days on which what matters for the profiles from `first` to `last` was reported.

    Which of several reports counts, and which was the first, only all reports on a payment show, and a
    payment counts for so long. One day more, because a report may be a little ahead of its payment.
    """
    return days_between(first - (LONGEST_DAYS + REPORT_DAYS + 1) * DAY, last - DAY)


def profile_inputs(transactions: LakeIndex, labels: LakeIndex, day: date, rules: LabelSettings) -> str:
    """The fingerprint of what the day's profiles are made from."""
    reported = label_days(day, day)
    payments = transactions.within(day - (LONGEST_DAYS + REPORT_DAYS) * DAY, day - DAY)
    return fingerprint(payments, labels.within(reported[0], reported[-1]), rules.model_dump(mode="json"))


def union(parts: Iterable[Sequence[LakeFile]]) -> list[LakeFile]:
    """The files of all parts, each once, by day, partition and offset."""
    files = {file.path: file for part in parts for file in part}
    return sorted(files.values(), key=lambda file: (file.date, file.partition, file.start))
