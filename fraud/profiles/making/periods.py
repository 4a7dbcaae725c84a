"""What was paid with each key in each period, in the lake: a file for each field and day.

A file's name is the fingerprint of what it was made of. So a day is made again only when payments of it were
added, and what a run has made before it was cut off is found by the next.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.features.daily import day_number
from fraud.ingest.commits import LakeFile
from fraud.lake import Lake
from fraud.preprocess.plan import LakeIndex, fingerprint
from fraud.profiles.making.day_payments import in_arrival_order, read_day
from fraud.profiles.making.files import profile_folder, remove_replaced
from fraud.profiles.making.id_files import write_ids
from fraud.profiles.payments import PeriodSums

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OpenSparkSession = Callable[[], "AbstractContextManager[SparkSession]"]

_MANY = 4
"""From so many missing days on Spark makes them, if there is a way to open it."""
_MADE_ARROW = pa.schema([("file", pa.string())])


class DayFiles:
    """The files of one day: what they were made of is in their names.

    Attributes:
        payments: the day's files of transactions, in arrival order.
        fingerprint: of these, and of the rates by which their amounts are converted.
    """

    def __init__(self, definitions: Definitions, index: LakeIndex, day: date) -> None:
        self._folder, self._day = profile_folder(definitions), day
        self._fields = definitions.profile_fields
        self.payments: list[LakeFile] = in_arrival_order(index.within(day, day))
        self.fingerprint = fingerprint(self.payments, _rates(definitions, day))

    @property
    def ids(self) -> str:
        """The path of its file of ids."""
        return f"{self._folder}/ids/date={self._day}/{self.fingerprint}.parquet"

    def periods(self, field: str) -> str:
        """The path of a field's periods."""
        return f"{self._folder}/periods/{field}/date={self._day}/{self.fingerprint}.parquet"

    @property
    def paths(self) -> list[str]:
        """All of them, that of the ids last."""
        return [*map(self.periods, self._fields), self.ids]


def make_periods(
    definitions: Definitions,
    lake: Lake,
    index: LakeIndex,
    days: Sequence[date],
    open_spark: OpenSparkSession | None = None,
) -> list[date]:
    """Make the files of these days that are missing; returns which days were made.

    Args:
        definitions: with profiles.
        lake: with transactions.
        index: of the transactions.
        days: the days.
        open_spark: opens a session, for many days; without it this process makes them all.

    Raises:
        DataError: a file of the lake is missing or broken.
    """
    made = {day: DayFiles(definitions, index, day) for day in days}
    # The files of ids are written last.
    existing = set(lake.list_files(f"{profile_folder(definitions)}/ids"))
    missing = [day for day, files in made.items() if files.payments and files.ids not in existing]
    if open_spark is None or len(missing) < _MANY:
        for day in missing:
            _make_day(definitions, lake, made[day])
    else:
        with open_spark() as spark:
            _spread(spark, definitions, lake, [made[day] for day in missing])
    return missing


def read_periods(
    definitions: Definitions, lake: Lake, index: LakeIndex, days: Sequence[date]
) -> dict[str, PeriodSums]:
    """The periods of these days, which are made, by field."""
    made = [one for one in (DayFiles(definitions, index, day) for day in days) if one.payments]
    return {
        field: PeriodSums.merge([PeriodSums.of_table(lake.read_table(one.periods(field))) for one in made])
        for field in definitions.profile_fields
    }


def _rates(definitions: Definitions, day: date) -> list[object]:
    if definitions.money is None:
        return []
    number = day_number(day)
    return [
        definitions.money.code,
        definitions.money.max_age_days,
        definitions.money.rates.digest(number, number),
    ]


def _make_day(definitions: Definitions, lake: Lake, files: DayFiles) -> None:
    payments = read_day(definitions, lake, files.payments)
    for field, keys in payments.keys.items():
        every_ms = definitions.profile_every_ms
        sums = PeriodSums.of_payments(keys, payments.times, payments.amounts, every_ms)
        lake.write_table(sums.table(), files.periods(field))
    write_ids(lake, files.ids, payments)
    for path in files.paths:
        remove_replaced(lake, path.rpartition("/")[0], [path])


def _spread(spark: "SparkSession", definitions: Definitions, lake: Lake, missing: Sequence[DayFiles]) -> None:
    from fraud.spark import spread  # only a run with Spark needs it

    by_path = {files.ids: files for files in missing}

    def work(path: str) -> Iterator[pa.RecordBatch]:
        _make_day(definitions, lake, by_path[path])
        yield pa.record_batch([[path]], schema=_MADE_ARROW)

    spread(spark, list(by_path), work, _MADE_ARROW, len(by_path)).toArrow()
