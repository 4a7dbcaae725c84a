"""The files of the lake that a day depends on, and the fingerprint that detects changes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec
from xxhash import xxh3_128_hexdigest

from fraud.definitions.definitions import V1_TAG, Definitions
from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.features.daily import LONGEST_DAYS, day_number
from fraud.ingest.commits import LakeFile, day_of, read_commits
from fraud.lake import Lake
from fraud.money.tables import counting_rule
from fraud.settings import DEFAULT_MEMORY, LabelSettings, MemorySettings

_V1 = 1
"""Begins the fingerprints of profiles and of rows with the features of v1.yaml."""

REPORT_DAYS = 120
"""A fraud report counts for its merchant when the payment is at most this many days older than the first
day of the profile: the card schemes' time limit for chargebacks."""

DAY = timedelta(days=1)


def days_between(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, both included."""
    return [first + number * DAY for number in range((last - first).days + 1)]


def fingerprint(*parts: object, definitions: Definitions | None = None) -> str:
    """Digest of the parts and, for what depends on them, of the features."""
    tag = _V1 if definitions is None or definitions.tag == V1_TAG else definitions.digest
    return xxh3_128_hexdigest(msgspec.json.encode([tag, *parts], order="deterministic"))


def warm_up(definitions: Definitions) -> timedelta:
    """The days before a day that its rows depend on."""
    return timedelta(days=-(-definitions.history_ms // DAY_MS))


class LakeIndex:
    """Committed files of the lake by day."""

    def __init__(self, files: Iterable[LakeFile], now_ms: int = 0) -> None:
        """`now_ms` is the largest event time of the partitions, 0 if unknown."""
        self.newest_ms = now_ms
        self._now = day_of(now_ms) if now_ms else date.max
        self._days: dict[date, list[LakeFile]] = defaultdict(list)
        for file in files:
            self._days[file.date].append(file)

    @classmethod
    def of_transactions(cls, lake: Lake) -> "LakeIndex":
        """Index the transactions of the lake.

        Raises:
            DataError: the lake has none.
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
        """The last day with rows up to the largest event time; some payments are dated further ahead."""
        return max((day for day in self._days if day <= self._now), default=max(self._days))

    @property
    def days(self) -> list[date]:
        """The days with rows, in order."""
        return sorted(self._days)

    def within(self, first: date, last: date) -> list[LakeFile]:
        """The files from `first` to `last`, both included, by day."""
        return [file for day in days_between(first, last) for file in self._days.get(day, ())]

    def since(self, first: date) -> list[LakeFile]:
        """The files from `first` on, by day."""
        return [file for day in sorted(self._days) if day >= first for file in self._days[day]]


def state_files(
    definitions: Definitions, index: LakeIndex, day: date, memory: MemorySettings = DEFAULT_MEMORY
) -> list[LakeFile]:
    """The files from which the features of the day's rows are computed.

    They are those of the warm-up, of the day itself, and of the days after it: late rows arrive after rows of
    later days, and some rows are dated far ahead. Files after the day's last row in its partition have no
    effect. Where so many payments came within these that serving has forgotten some (`fraud.native.kernel.
    memory`), those before them decide which.
    """
    ends, starts = _spans(definitions, index, day)
    around = index.since(day - warm_up(definitions))
    found = [file for file in around if file.start < ends.get(file.partition, 0)]
    reach = memory.messages + memory.seen_once
    earliest = {
        partition: start - reach
        for partition, start in starts.items()
        if ends[partition] - start > memory.seen_once
    }
    before = index.since(index.first) if earliest else []
    deciding = [
        file
        for file in before
        if file.date < day - warm_up(definitions) and file.end > earliest.get(file.partition, file.end)
    ]
    return deciding + found


def is_memory_exceeded(definitions: Definitions, index: LakeIndex, day: date, memory: MemorySettings) -> bool:
    """Whether serving may have forgotten payments within the day's windows."""
    ends, starts = _spans(definitions, index, day)
    return any(ends[partition] - start > memory.seen_once for partition, start in starts.items())


def _spans(definitions: Definitions, index: LakeIndex, day: date) -> tuple[dict[int, int], dict[int, int]]:
    """By partition the end of the day's last file, and the start of the first file of its windows."""
    ends: dict[int, int] = {}
    starts: dict[int, int] = {}
    for file in index.within(day, day):
        ends[file.partition] = max(ends.get(file.partition, 0), file.end)
    for file in index.since(day - warm_up(definitions)):
        if file.start < ends.get(file.partition, 0):
            starts[file.partition] = min(starts.get(file.partition, file.start), file.start)
    return ends, starts


def label_days(first: date, last: date) -> list[date]:
    """The report days whose labels affect the profiles from `first` to `last`.

    All reports on a payment are needed to find the first one and the deciding one. One day is added, because
    the time of a report may be a little before that of its payment.
    """
    return days_between(first - (LONGEST_DAYS + REPORT_DAYS + 1) * DAY, last - DAY)


def profile_inputs(
    definitions: Definitions, transactions: LakeIndex, labels: LakeIndex, day: date, rules: LabelSettings
) -> str:
    """Fingerprint of the inputs of the day's profiles."""
    reported = label_days(day, day)
    payments = transactions.within(day - (LONGEST_DAYS + REPORT_DAYS) * DAY, day - DAY)
    counting = counting_rule(definitions, day_number(day) - LONGEST_DAYS, day_number(day))
    return fingerprint(
        payments, labels.within(reported[0], reported[-1]), rules.model_dump(mode="json"), *counting
    )


def union(parts: Iterable[Sequence[LakeFile]]) -> list[LakeFile]:
    """The files of all parts, each once, by day, partition and offset."""
    files = {file.path: file for part in parts for file in part}
    return sorted(files.values(), key=lambda file: (file.date, file.partition, file.start))
