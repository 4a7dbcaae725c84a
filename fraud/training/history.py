"""The lake's training rows and labels as a dataset, as they were known at a moment."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.errors import DataError
from fraud.labels.decisions import read_decisions
from fraud.labels.joining import DEFAULT_RULES
from fraud.labels.lake import read_labels, read_maturity
from fraud.labels.observation import ObservedShare, summarise_observation
from fraud.labels.progress import Maturity
from fraud.lake import Lake
from fraud.preprocess.days import DayManifest, feature_files, features_dataset, read_days
from fraud.settings import LabelSettings
from fraud.training.dataset import Dataset, make_dataset, row_columns
from fraud.training.splits import DAY, TimeRange, milliseconds


@dataclass(frozen=True)
class LeftOutRows:
    """How many of the lake's payments are not in a history, by reason; each is counted once.

    Attributes:
        young: newer than every matured row: their labels may still arrive.
        old: older than the longest history that was asked for.
        repeated: they repeat the transaction_id of an earlier row.
        reused: another payment has their transaction_id, so they never became training rows.
        unobserved: declined or challenged, and without a label.
    """

    young: int = 0
    old: int = 0
    repeated: int = 0
    reused: int = 0
    unobserved: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.young + self.old + self.repeated + self.reused + self.unobserved


@dataclass(frozen=True)
class History:
    """Matured rows, their period, and the moment at which their labels are known.

    `notes` are sentences on what is wrong with the labels. `observed` says how much of the
    period was observed; None where everything was. `labels` counts the labels on these rows.
    """

    data: Dataset
    period: TimeRange
    moment: int
    notes: tuple[str, ...] = ()
    observed: ObservedShare | None = None
    labels: int = 0
    left_out: LeftOutRows = LeftOutRows()


def load_history(
    definitions: Definitions,
    lake: Lake,
    *,
    longest: timedelta,
    delay: timedelta,
    rules: LabelSettings = DEFAULT_RULES,
) -> History:
    """The newest matured rows of the lake.

    Labels are those known at the newest event time in the lake, or at the end of the feed of labels if that
    is earlier. The wall clock plays no part, so that a replayed history gives the same rows.

    Args:
        definitions: of the features.
        lake: with training rows and labels.
        longest: how far to look back from the newest matured row.
        delay: rows have matured when the feed of labels has come this far past them; others are left out.
        rules: which of several reports on a payment counts.

    Raises:
        DataError: there are no training rows, no labels, or no matured rows.
    """
    manifests = read_days(lake, features_dataset(definitions))
    days = [day for day, manifest in manifests.items() if manifest.rows]
    if not days:
        raise DataError(
            "the lake has no training rows yet; run flows/ingest.py and flows/preprocess.py first"
        )
    maturity = read_maturity(lake, _newest(definitions, lake, days[-1]), delay)
    if maturity.progress is None:
        raise DataError(
            "the lake has no labels yet, and without them no model can be trained; ingest labels first"
        )
    moment = maturity.known_until
    end = moment - milliseconds(delay)
    start = max(end - milliseconds(longest), _midnight(days[0]))
    if start >= end:
        raise DataError(_nothing_matured(days, maturity))
    files = feature_files(definitions, lake, _day(start), _day(end))
    rows = _read(lake, files, row_columns(definitions))
    labels, decisions = read_labels(lake, _day(start) - DAY), read_decisions(lake, _day(start), _day(end))
    period = TimeRange(start, end)
    data = make_dataset(definitions, rows, labels, moment, rules, decisions).between(period)
    observed = None if data.observation is None else summarise_observation(data.observation, moment)
    stopped = maturity.warning()
    notes = (
        *([stopped] if stopped else []), *data.unused.warnings(), *(observed.notes if observed else ()),
    )  # fmt: skip
    return History(
        data.observed_at(moment),
        period,
        moment,
        notes,
        observed,
        labels=_count_labels(labels, data, moment),
        left_out=_left_out(manifests, rows["timestamp"].to_numpy(), data, period, observed),
    )


def _count_labels(labels: pa.Table, data: Dataset, moment: int) -> int:
    known = labels.filter(pc.less_equal(labels["reported_at"], moment))
    is_on_these = pc.is_in(known["transaction_id"], value_set=data.identity["transaction_id"])
    return int(pc.sum(is_on_these).as_py() or 0)


def _left_out(
    days: dict[date, DayManifest],
    times: npt.NDArray[np.int64],
    data: Dataset,
    period: TimeRange,
    observed: ObservedShare | None,
) -> LeftOutRows:
    """Of the rows that were read, made at `times` (ms), and of the days that were not."""
    first, last = _day(period.start), _day(period.end)
    old, young = int((times < period.start).sum()), int((times >= period.end).sum())
    return LeftOutRows(
        young=young + sum(one.rows for day, one in days.items() if day > last),
        old=old + sum(one.rows for day, one in days.items() if day < first),
        repeated=len(times) - old - young - len(data),
        reused=sum(one.reused for one in days.values()),
        unobserved=observed.unobserved if observed else 0,
    )


def _nothing_matured(days: list[date], maturity: Maturity) -> str:
    stopped = maturity.warning()
    return (
        f"the lake's rows from {days[0]} to {days[-1]} are all younger than the label delay of "
        f"{maturity.delay.days} days; "
        + (f"{stopped}" if stopped else "ingest more history or lower FRAUD_TRAINING__LABEL_DELAY")
    )


def _read(lake: Lake, paths: list[str], columns: tuple[str, ...]) -> pa.Table:
    try:
        return pa.concat_tables([lake.read_table(path, list(columns)) for path in paths])
    except (KeyError, pa.ArrowInvalid) as error:
        raise DataError(
            f"training rows in the lake have another layout ({error}); run flows/preprocess.py again"
        ) from error


def _newest(definitions: Definitions, lake: Lake, day: date) -> int:
    paths = feature_files(definitions, lake, day, day)
    return int(np.max([_read(lake, [path], ("timestamp",))["timestamp"].to_numpy().max() for path in paths]))


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000)


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1_000, UTC).date()
