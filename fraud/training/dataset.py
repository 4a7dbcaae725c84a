"""Training rows: features, labels as they were known at a moment, and identities.

Rows are sorted by event time, so that every temporal split is a slice and copies nothing. A row has matured
when the feed of labels is past it by the label delay. A matured row without a label is legitimate; a younger
one is left out, because its chargeback may still arrive. Left out is also a payment that was declined or
challenged and has no label: its outcome was not observed. `fraud.labels` decides the label of a row at a
moment, and whether it was observed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_128

from fraud.definitions.definitions import Definitions
from fraud.labels.history import LabelHistory
from fraud.labels.joining import DEFAULT_RULES, NOTHING_UNUSED, UnusedLabels, join_labels
from fraud.labels.observation import Observation, observe
from fraud.settings import LabelSettings
from fraud.training.contracts.columns import IDENTITY_COLUMNS, POSITION_COLUMNS, require_labels, require_rows
from fraud.training.contracts.repeated_ids import repeated_ids
from fraud.training.splits import TimeRange

_LOG = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KEY_COLUMNS = ("transaction_id", "card_id")


@dataclass(frozen=True)
class Dataset:
    """N rows sorted by event time.

    Attributes:
        rows: features, float32 (N, F), NaN = unknown, columns in the order of `feature_names`.
        labels: int8 (N,), 1 = fraud.
        timestamps: event times in ms, int64 (N,).
        amounts: in minor units, of the base currency if there is one, 0 where there is no rate, int64 (N,).
        cards: a number per distinct card, int64 (N,).
        identity: transaction_id, card_id, merchant_id and currency, N rows.
        feature_names: F names.
        reports: how the labels came to be, up to the moment at which `labels` are known; or None where
            nothing but `labels` is known.
        fraud_types: kind of fraud where a simulator names it, for reports only; never a feature.
        unused: labels that could not be used.
        observation: how the outcomes of the rows were observed; None where all were, each for itself.
        unobserved: transaction_id and card_id of rows that `observed_at` has left out, or None.
        base: the base currency of the amounts; None: each is in its payment's own.
    """

    rows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]
    timestamps: Ints
    amounts: Ints
    cards: Ints
    identity: pa.Table
    feature_names: tuple[str, ...]
    reports: LabelHistory | None = None
    fraud_types: pa.ChunkedArray | None = None
    unused: UnusedLabels = NOTHING_UNUSED
    observation: Observation | None = None
    unobserved: pa.Table | None = None
    base: str | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def frauds(self) -> int:
        """How many rows are fraud."""
        return int(self.labels.sum())

    @property
    def amount_currency(self) -> str:
        """The currency of all amounts; empty where they are of several or it is not known."""
        if self.base is not None or "currency" not in self.identity.column_names:
            return self.base or ""
        names = pc.unique(self.identity["currency"])
        return str(names[0]) if len(names) == 1 else ""

    @property
    def weights(self) -> Floats | None:
        """How many payments each row stands for, float64 (N,); None: each for itself."""
        if self.observation is None or bool((self.observation.weights == 1).all()):
            return None
        return self.observation.weights

    @property
    def weight_of_each(self) -> Floats | int:
        """The weights as a factor: 1 where each row stands for itself."""
        weights = self.weights
        return 1 if weights is None else weights

    def between(self, period: TimeRange) -> Self:
        """The rows of a period, without copying."""
        first, last = np.searchsorted(self.timestamps, [period.start, period.end])
        return self._part(slice(int(first), int(last)))

    def as_known_at(self, moment: int) -> Self:
        """The same rows, labelled as they were known at `moment` (ms); nothing later is left in them.

        Rows whose outcome was observed only afterwards are left out.
        """
        if self.reports is None:
            return self
        known = self.reports.until(moment)
        return replace(self, labels=known.as_known_at(moment), reports=known).observed_at(moment)

    def observed_at(self, moment: int) -> Self:
        """The rows whose outcome is observed at `moment` (ms), with their labels as they are."""
        if self.observation is None:
            return self
        is_observed = self.observation.known_at(moment)
        if is_observed.all():
            return self
        left_out = self.identity.select(list(KEY_COLUMNS)).filter(pa.array(~is_observed))
        before = [] if self.unobserved is None else [self.unobserved]
        kept = self.take(np.flatnonzero(is_observed))
        return replace(kept, unobserved=pa.concat_tables([*before, left_out]))

    def take(self, index: Ints) -> Self:
        """The rows at `index`, which must ascend, copied."""
        return replace(
            self,
            rows=self.rows[index],
            labels=self.labels[index],
            reports=None if self.reports is None else self.reports.take(index),
            timestamps=self.timestamps[index],
            amounts=self.amounts[index],
            cards=self.cards[index],
            identity=self.identity.take(pa.array(index)),
            fraud_types=None if self.fraud_types is None else self.fraud_types.take(pa.array(index)),
            observation=None if self.observation is None else self.observation.take(index),
        )

    def fingerprint(self) -> str:
        """A hash of features, labels, times and amounts, and of weights where rows have some, hex."""
        digest = xxh3_128(repr(self.feature_names).encode())
        weights = () if self.weights is None else (self.weights,)
        for array in (self.rows, self.labels, self.timestamps, self.amounts, *weights):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return str(digest.hexdigest())

    def _part(self, part: slice) -> Self:
        length = part.stop - part.start
        return replace(
            self,
            rows=self.rows[part],
            labels=self.labels[part],
            reports=None if self.reports is None else self.reports.between(part.start, part.stop),
            timestamps=self.timestamps[part],
            amounts=self.amounts[part],
            cards=self.cards[part],
            identity=self.identity.slice(part.start, length),
            fraud_types=None if self.fraud_types is None else self.fraud_types.slice(part.start, length),
            observation=None if self.observation is None else self.observation.take(part),
        )


def row_columns(definitions: Definitions) -> tuple[str, ...]:
    """The columns of training rows: identity, position in the log, features; one of them is both."""
    return tuple(dict.fromkeys((*IDENTITY_COLUMNS, *POSITION_COLUMNS, *definitions.feature_names)))


def make_dataset(
    definitions: Definitions,
    rows: pa.Table,
    labels: pa.Table,
    as_of: int,
    rules: LabelSettings = DEFAULT_RULES,
    decisions: pa.Table | None = None,
) -> Dataset:
    """Join rows of features with the labels known at `as_of` (ms); no row is left out.

    Rows whose outcome is not observed are left out by `Dataset.observed_at`.

    Args:
        definitions: of the features.
        rows: `row_columns`, in any order of rows.
        labels: as `fraud.labels.joining.join_labels` takes them.
        as_of: the moment of training; later reports are not seen.
        rules: which of several reports counts.
        decisions: as `fraud.labels.observation.observe` takes them; None: everything was let through.

    Raises:
        DataError: the tables break `fraud.training.contracts.columns`.
    """
    require_rows(rows, definitions.feature_names, may_lack=("amount",) if definitions.money else ())
    require_labels(labels)
    order = pc.sort_indices(
        rows, sort_keys=[(name, "ascending") for name in ("timestamp", "partition", "offset")]
    )
    rows = _without_repeated_ids(rows.take(order))
    joined = join_labels(rows, labels, rules, as_of)
    return Dataset(
        rows=feature_matrix(rows, definitions.feature_names),
        labels=joined.history.as_known_at(as_of),
        reports=joined.history,
        timestamps=rows["timestamp"].to_numpy(),
        amounts=rows["amount"].fill_null(0).to_numpy(),
        cards=card_codes(rows["card_id"]),
        identity=rows.select(IDENTITY_COLUMNS),
        feature_names=definitions.feature_names,
        unused=joined.unused,
        observation=None if decisions is None else observe(rows, decisions, joined.reports),
        base=definitions.money.code if definitions.money else None,
    )


def _without_repeated_ids(rows: pa.Table) -> pa.Table:
    """Rows in the order of time, the first of each transaction_id."""
    repeated = repeated_ids(rows["transaction_id"], rows["timestamp"].to_numpy())
    if not repeated.any():
        return rows
    first = ", ".join(map(str, rows["transaction_id"].filter(pa.array(repeated)).slice(0, 5).to_pylist()))
    _LOG.warning(
        "%d training rows repeat a transaction_id (first: %s); the first of each counts, by time, partition "
        "and offset", int(repeated.sum()), first,
    )  # fmt: skip
    return rows.filter(pa.array(~repeated))


def feature_matrix(rows: pa.Table, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """The named features of a table's rows, float32 (N, F), NaN = unknown."""
    matrix = np.empty((rows.num_rows, len(names)), dtype=np.float32)
    for column, name in enumerate(names):
        matrix[:, column] = as_feature(rows[name]).to_numpy()
    return matrix


def as_feature(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as float32, NaN = unknown; an amount beyond 2^24 is rounded, as it is in serving."""
    return column.cast(pa.float32(), safe=False).fill_null(np.nan)


def card_codes(column: pa.ChunkedArray) -> Ints:
    """A number per distinct card, shape (N,)."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
