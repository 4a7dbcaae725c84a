"""The kernel's offline use: whole cards, one after another, in arrival order."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.availability import profile_days
from fraud.features.daily import date_of, day_number
from fraud.features.events import Events, amounts_of, encode_table
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from fraud.features.store import CardStore
from fraud.money.tables import PAID, in_base
from fraud.native import id_index
from fraud.profiles.joined import FieldProfiles
from fraud.profiles.keys import field_keys
from fraud.settings import DEFAULT_MEMORY, MemorySettings

_IDENTITY = {
    "transaction_id": pa.string(),
    "card_id": pa.string(),
    "merchant_id": pa.string(),
    "timestamp": pa.int64(),
    "amount": pa.int64(),
    "currency": pa.string(),
    "partition": pa.int32(),
    "offset": pa.int64(),
}
_CARD_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Floats = npt.NDArray[np.float64]


def input_columns(definitions: Definitions) -> tuple[str, ...]:
    """What the kernel and the rows need of a transaction in the lake."""
    return tuple(dict.fromkeys((*_IDENTITY, *definitions.field_index)))


def rows_arrow(definitions: Definitions) -> pa.Schema:
    """Training rows, without their label; the feature `amount` is the exact amount as float32.

    With a base currency it and `currency` are those of `fraud.money.tables.in_base`. Where the definitions
    have profiles, `profile_moment` (ms) is the moment of those that the row has.
    """
    names = (name for name in definitions.feature_names if name not in _IDENTITY)
    identity = [*_identity(definitions).items(), ("profile_date", pa.string())]
    moment = [("profile_moment", pa.int64())] if definitions.profile_features else []
    return pa.schema([*identity, *moment, *((name, pa.float32()) for name in names)])


def _identity(definitions: Definitions) -> dict[str, pa.DataType]:
    return _IDENTITY | PAID if definitions.money else _IDENTITY


@dataclass(frozen=True)
class ProfileBook:
    """Merchants' profiles of many days.

    `profile_rows[day - first_day, merchant]` is a row of `values`, or -1.
    A day's profiles are used `available_after` its midnight.
    """

    first_day: int
    merchants: pa.Array
    profile_rows: npt.NDArray[np.int32]
    values: Floats
    available_after: timedelta = timedelta()

    @classmethod
    def of(cls, profiles: Mapping[date, pa.Table], available_after: timedelta = timedelta()) -> "ProfileBook":
        """From the tables of consecutive days."""
        chunks = [chunk for table in profiles.values() for chunk in table["merchant_id"].chunks]
        merchants = pc.unique(pa.chunked_array(chunks, pa.string()))
        profile_rows = np.full((len(profiles), len(merchants) + 1), -1, dtype=np.int32)
        done = 0
        for row, table in enumerate(profiles.values()):
            codes = pc.index_in(table["merchant_id"], merchants).to_numpy()
            profile_rows[row, codes] = np.arange(done, done + len(codes))
            done += len(codes)
        values = [np.column_stack([table[name] for name in PROFILE_COLUMNS]) for table in profiles.values()]
        empty = np.empty((0, len(PROFILE_COLUMNS)))
        first = day_number(min(profiles)) if profiles else 0
        return cls(first, merchants, profile_rows, np.concatenate([empty, *values]), available_after)

    def days_for(self, timestamps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The day of the profiles that each payment (ms, (n,)) has."""
        return profile_days(timestamps, self.available_after)

    def find(
        self, days: npt.NDArray[np.int64], merchants: pa.ChunkedArray
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The values for each day and merchant, shape (n, len(PROFILE_COLUMNS)), and which are known."""
        unknown = len(self.merchants)
        codes = pc.index_in(merchants, self.merchants).fill_null(unknown).to_numpy()
        rows_found = self.profile_rows[days - self.first_day, codes]
        known = rows_found >= 0
        values = np.full((len(codes), len(PROFILE_COLUMNS)), np.nan)
        values[known] = self.values[rows_found[known]]
        return values, known


Positions = frozenset[tuple[int, int]]
"""Partition and offset of each."""


@dataclass(frozen=True)
class LeftOut:
    """Transactions that are no payment of their own, because their ids are taken.

    `elsewhere` count in their partition, so in the card's state, but another partition's payment has the id.
    """

    repeated: Positions = frozenset()
    conflicts: Positions = frozenset()
    elsewhere: Positions = frozenset()

    @classmethod
    def of(cls, rows: pa.Table, **chosen: npt.NDArray[np.bool_]) -> "LeftOut":
        """From a table with partition and offset, and which of its rows they are."""
        return cls(**{name: frozenset(_positions(rows, mask)) for name, mask in chosen.items()})

    def among(self, table: pa.Table, *kinds: str) -> npt.NDArray[np.bool_]:
        """Which of the table's rows are of these kinds, shape (N,)."""
        wanted = frozenset().union(*(getattr(self, kind) for kind in kinds))
        if not wanted:
            return np.zeros(table.num_rows, dtype=np.bool_)
        every = np.ones(table.num_rows, dtype=np.bool_)
        return np.fromiter((one in wanted for one in _positions(table, every)), np.bool_, table.num_rows)


def _positions(rows: pa.Table, mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    partitions, offsets = rows["partition"].to_numpy()[mask], rows["offset"].to_numpy()[mask]
    return zip(partitions.tolist(), offsets.tolist(), strict=True)


@dataclass(frozen=True)
class Computed:
    """Training rows of some cards, and how many repeats by day were left out."""

    rows: pa.Table
    days: npt.NDArray[np.int64]
    repeats: dict[int, int]


_PARTITION_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)


def compute_rows(
    definitions: Definitions,
    batches: Iterable[pa.RecordBatch],
    profiles: ProfileBook,
    days: npt.NDArray[np.int64],
    left_out: LeftOut | None = None,
    field_profiles: FieldProfiles | None = None,
    memory: MemorySettings = DEFAULT_MEMORY,
) -> Iterator[Computed]:
    """Training rows of the wanted days.

    Args:
        definitions: what to compute.
        batches: transactions (`input_columns`) sorted by card, partition and offset; a card may go on in the
            next batch.
        profiles: of the wanted days, and of as many before as the first of their payments needs.
        days: the wanted days, counted from 1970.
        left_out: what is known to bear a taken id; of one card, the repetitions are found without it.
        field_profiles: of every field that has profiles; None: no field has.
        memory: what serving remembers.

    Yields:
        The rows of each batch.
    """
    store, rows_of = CardStore(definitions, memory=memory), _RowBuilder(definitions, profiles, field_profiles)
    left_out = left_out or LeftOut()
    for batch in batches:
        if not batch.num_rows:
            continue
        table = pa.Table.from_batches([batch])
        events = encode_table(definitions, table)
        # Each partition knows its own payments of a card only, so serving's features are those of the two.
        heads = events.heads
        heads["card"] ^= table["partition"].to_numpy().astype(np.uint64) * _PARTITION_FACTOR
        is_payment = ~left_out.among(table, "repeated", "conflicts")
        features, accepted = _process(store, events, is_payment, table["offset"].to_numpy())
        store.retain_only(int(heads["card"][-1]))
        row_days = heads["timestamp"] // DAY_MS
        wanted = np.isin(row_days, days)
        is_repeated = wanted & ~accepted & ~left_out.among(table, "conflicts")
        repeated, counts = np.unique(row_days[is_repeated], return_counts=True)
        chosen = wanted & accepted & ~left_out.among(table, "elsewhere")
        rows = rows_of.build(table.filter(pa.array(chosen)), events[chosen], features[chosen])
        repeats = dict(zip(repeated.tolist(), counts.tolist(), strict=True))
        yield Computed(rows, row_days[chosen], repeats)


def _process(
    store: CardStore,
    events: Events,
    is_payment: npt.NDArray[np.bool_],
    offsets: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Features of the kernel, shape (n, K), and which of the events count."""
    # Cards come one after another here, not in the order of the log: an id is compared within its card.
    events.heads["transaction"] ^= events.heads["card"] * _CARD_FACTOR
    computed, outcomes = store.process(events[is_payment], offsets=offsets[is_payment])
    features = np.full((len(events), computed.shape[1]), np.nan, dtype=np.float32)
    accepted = np.zeros(len(events), dtype=np.bool_)
    features[is_payment], accepted[is_payment] = computed, outcomes == id_index.ACCEPTED
    return features, accepted


class _RowBuilder:
    """Puts identities, the kernel's features and those of profiles together."""

    def __init__(
        self, definitions: Definitions, profiles: ProfileBook, field_profiles: FieldProfiles | None
    ) -> None:
        self._definitions = definitions
        self._profiles, self._features = profiles, ProfileFeatures(definitions)
        self._field_profiles = field_profiles
        self._schema = rows_arrow(definitions)
        names = enumerate(definitions.feature_names)
        self._columns = [column for column, name in names if name not in _IDENTITY]

    def build(self, table: pa.Table, events: Events, kernel: npt.NDArray[np.float32]) -> pa.Table:
        """Training rows of n transactions, which are also given as events, with kernel features (n, K)."""
        days = self._profiles.days_for(table["timestamp"].to_numpy())
        values, known = self._profiles.find(days, table["merchant_id"])
        merchant = self._features.compute(amounts_of(self._definitions, events), values)
        moments, of_fields = self._join_fields(events)
        vector = np.ascontiguousarray(np.hstack([kernel, merchant, *of_fields])[:, self._columns].T)
        table = in_base(self._definitions, table)
        columns = [table[name].cast(kind) for name, kind in _identity(self._definitions).items()]
        return pa.table([*columns, _profile_dates(days, known), *moments, *vector], schema=self._schema)

    def _join_fields(
        self, events: Events
    ) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.float32]]]:
        """The moments (n,) of the profiles and their features (n, P); nothing where no field has profiles."""
        if self._field_profiles is None:
            return [], []
        keys, times = field_keys(self._definitions, events), events.heads["timestamp"]
        amounts = amounts_of(self._definitions, events)
        rows, moments = self._field_profiles.due(self._definitions, keys, times, amounts)
        return [moments], [rows]


def _profile_dates(days: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]) -> pa.Array:
    distinct, codes = np.unique(days, return_inverse=True)
    names = pa.array([str(date_of(int(day))) for day in distinct], pa.string())
    return names.take(pa.array(codes, mask=~known))
