"""What was paid with each key in each period, in the lake: a file for each field and day.

A file's name is the fingerprint of what it was made of. So a day is made again only when payments of it were
added, and what a run has made before it was cut off is found by the next.
"""

from collections.abc import Sequence
from datetime import date

from fraud.definitions.definitions import Definitions
from fraud.features.daily import day_number
from fraud.lake import Lake
from fraud.preprocess.plan import LakeIndex, fingerprint
from fraud.profiles.making.day_payments import read_day
from fraud.profiles.payments import PeriodSums


def profile_folder(definitions: Definitions) -> str:
    """The folder of all that is made for the profiles of these definitions."""
    return f"profiles/{definitions.profile_digest}"


def day_fingerprint(definitions: Definitions, index: LakeIndex, day: date) -> str:
    """Identifies the payments of a day, and the rates by which their amounts are converted."""
    rates: list[object] = []
    if definitions.money is not None:
        number = day_number(day)
        rates = [definitions.money.max_age_days, definitions.money.rates.digest(number, number)]
    return fingerprint(index.within(day, day), *rates, definitions.profile_digest)


def make_periods(definitions: Definitions, lake: Lake, index: LakeIndex, days: Sequence[date]) -> list[date]:
    """Make the periods of these days that are missing; returns which were.

    Raises:
        DataError: a file of the lake is missing or broken.
    """
    made = []
    for day in days:
        if index.within(day, day) and _missing(definitions, lake, index, day):
            _make_day(definitions, lake, index, day)
            made.append(day)
    return made


def read_periods(
    definitions: Definitions, lake: Lake, index: LakeIndex, days: Sequence[date]
) -> dict[str, PeriodSums]:
    """The periods of these days, which are made, by field."""
    paid = [day for day in days if index.within(day, day)]
    return {
        field: PeriodSums.merge(
            [PeriodSums.of_table(lake.read_table(_path(definitions, index, field, day))) for day in paid]
        )
        for field in definitions.profile_fields
    }


def _missing(definitions: Definitions, lake: Lake, index: LakeIndex, day: date) -> bool:
    paths = (_path(definitions, index, field, day) for field in definitions.profile_fields)
    return not all(map(lake.exists, paths))


def _make_day(definitions: Definitions, lake: Lake, index: LakeIndex, day: date) -> None:
    payments = read_day(definitions, lake, index.within(day, day))
    for field, keys in payments.keys.items():
        every_ms = definitions.profile_every_ms
        sums = PeriodSums.of_payments(keys, payments.times, payments.amounts, every_ms)
        path = _path(definitions, index, field, day)
        lake.write_table(sums.table(), path)
        for other in lake.list_all(path.rpartition("/")[0]):
            if other != path:
                lake.remove(other)


def _path(definitions: Definitions, index: LakeIndex, field: str, day: date) -> str:
    folder = f"{profile_folder(definitions)}/periods/{field}/date={day}"
    return f"{folder}/{day_fingerprint(definitions, index, day)}.parquet"
