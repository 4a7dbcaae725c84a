"""Profile features of predictions, computed again at the moment that each prediction records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.features.events import Events, encode_table
from fraud.ingest.commits import day_of
from fraud.lake import Lake
from fraud.preprocess.field_profiles import field_histories
from fraud.preprocess.plan import LakeIndex
from fraud.profiles.history import ProfileHistory
from fraud.profiles.keys import field_keys
from fraud.profiles.making.day_payments import payment_arrow
from fraud.profiles.making.published_runs import PublishedProfiles
from fraud.profiles.values import NO_MOMENT, ProfileValues
from fraud.settings import LabelSettings

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

_PARTITION_BITS = 48
"""Offsets have fewer bits."""


@dataclass(frozen=True)
class RecordedProfiles:
    """What M predictions should have.

    Attributes:
        rows: by the lake's payments and reports, or where a prediction differs from that, as published;
            float32 (M, P).
        revised: how many are as published, but have other features by what the lake has now.
    """

    rows: Rows
    revised: int


def recorded_profiles(
    definitions: Definitions,
    lake: Lake,
    payments: pa.Table,
    served: Rows,
    moments_ms: Ints,
    rules: LabelSettings,
) -> RecordedProfiles:
    """The profile features of predictions, each at its recorded moment.

    A payment or report that came after a moment's profiles were published changes them in the lake; then
    those count that were published.

    Args:
        definitions: with profiles.
        lake: with the payments.
        payments: training rows of the predictions (partition, offset, timestamp), M.
        served: their profile features, float32 (M, P).
        moments_ms: which they record, or `NO_MOMENT`, (M,).
        rules: which of several reports on a payment decides.

    Raises:
        DataError: a file of the lake is broken.
    """
    rows = np.full(served.shape, np.nan, dtype=np.float32)
    some = np.flatnonzero(moments_ms != NO_MOMENT)
    if not len(some):
        return RecordedProfiles(rows, 0)
    first, last = (day_of(int(end)) for end in (moments_ms[some].min(), moments_ms[some].max()))
    figures = _Figures(
        definitions,
        _events(definitions, lake, payments.take(pa.array(some))),
        moments_ms[some] // definitions.profile_every_ms,
        field_histories(lake, definitions, first, last, rules),
    )
    rows[some] = figures.recomputed()
    differing = np.flatnonzero(_differ(rows[some], served[some]))
    expected, is_revised = _as_published(lake, figures.take(differing), served[some[differing]])
    rows[some[differing]] = expected
    return RecordedProfiles(rows, int(is_revised.sum()))


def _as_published(lake: Lake, figures: "_Figures", served: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """What n predictions should have by what was published, and which of them do; the newest first."""
    expected = figures.recomputed()
    is_equal = np.zeros(len(served), dtype=np.bool_)
    for number, version in enumerate(figures.published(lake)):
        same = ~is_equal & ~_differ(version, served)
        # Where no version is as served, the newest one says which features differ.
        expected = version if number == 0 else expected
        expected[same] = version[same]
        is_equal |= same
    return expected, is_equal


@dataclass(frozen=True)
class _Figures:
    """Keys of n payments, moments in periods since 1970, and what is known of the fields' keys."""

    definitions: Definitions
    events: Events
    moments: Ints
    histories: Mapping[str, ProfileHistory]

    def take(self, indices: Ints) -> "_Figures":
        return _Figures(self.definitions, self.events[indices], self.moments[indices], self.histories)

    def recomputed(self) -> Rows:
        """The features by the histories, (n, P)."""
        return self._features(self._recomputed())

    def published(self, lake: Lake) -> Iterator[Rows]:
        """The features by what was published, the last version of each moment first."""
        if not len(self.events):
            return
        runs = {
            field: PublishedProfiles.read(lake, self.definitions, field, keys)
            for field, keys in field_keys(self.definitions, self.events).items()
        }
        version, is_there = 0, True
        while is_there:
            figures, is_there = self._recomputed(), False
            for field, keys in field_keys(self.definitions, self.events).items():
                found, is_found = runs[field].newest(keys, self.moments, version)
                figures[field][is_found] = found[is_found]
                is_there |= bool(is_found.any())
            if is_there:
                yield self._features(figures)
            version += 1

    def _recomputed(self) -> dict[str, Ints]:
        keys = field_keys(self.definitions, self.events)
        return {field: self.histories[field].at(keys[field], self.moments) for field in keys}

    def _features(self, figures: Mapping[str, Ints]) -> Rows:
        keys = field_keys(self.definitions, self.events)
        amounts = self.events.values[:, self.definitions.field_index["amount"]]
        return ProfileValues(self.definitions).compute(figures, keys, self.moments, amounts)


def _events(definitions: Definitions, lake: Lake, payments: pa.Table) -> Events:
    """The payments with the keys of their profiles, in the order of the rows."""
    schema = payment_arrow(definitions)
    for name, kind in (("partition", pa.int32()), ("offset", pa.int64())):
        schema = schema.append(pa.field(name, kind))
    wanted, times = pa.array(_positions(payments)), payments["timestamp"].to_numpy()
    index = LakeIndex.of_transactions(lake)
    parts = [schema.empty_table()]
    for file in index.within(day_of(int(times.min())), day_of(int(times.max()))):
        table = lake.read_rows(file.path, schema)
        parts.append(table.filter(pc.is_in(pa.array(_positions(table)), value_set=wanted)))
    found = pa.concat_tables(parts)
    order = pc.index_in(wanted, value_set=pa.array(_positions(found)))
    return encode_table(definitions, found.take(order))


def _positions(table: pa.Table) -> Ints:
    """A number for each row's place in the log."""
    partitions, offsets = table["partition"].to_numpy().astype(np.int64), table["offset"].to_numpy()
    return np.asarray((partitions << _PARTITION_BITS) + offsets, dtype=np.int64)


def _differ(one: Rows, other: Rows) -> npt.NDArray[np.bool_]:
    """Which rows have different features, (n,)."""
    return np.asarray(((one != other) & ~(np.isnan(one) & np.isnan(other))).any(axis=1), dtype=np.bool_)
