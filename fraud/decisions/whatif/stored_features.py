"""The features of stored payments: from the lake's training rows, or computed where there are none yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.decisions.whatif.logged import Keys, payment_hashes
from fraud.definitions.definitions import Definitions
from fraud.features.daily import LONGEST_DAYS
from fraud.features.table import compute_features
from fraud.ingest.commits import committed_files, day_of
from fraud.labels.lake import read_labels
from fraud.lake import Lake
from fraud.preprocess.days import features_dataset, read_days
from fraud.preprocess.inputs import input_arrow
from fraud.preprocess.plan import DAY, REPORT_DAYS, days_between, warm_up
from fraud.settings import Settings
from fraud.training.dataset import as_feature

Rows = npt.NDArray[np.float32]

_ARRIVAL = [("partition", "ascending"), ("offset", "ascending")]


@dataclass(frozen=True)
class StoredFeatures:
    """Features of n payments.

    Attributes:
        rows: in the order of the definitions, float32 (n, F); NaN where unknown, and for features that were
            not asked for.
        computed: payments whose features were computed, because their day has no training rows yet.
        missing: payments without features: as others have their id.
    """

    rows: Rows
    computed: int = 0
    missing: int = 0


def no_features(definitions: Definitions, count: int) -> StoredFeatures:
    """Of payments whose features nothing names."""
    return StoredFeatures(np.full((count, len(definitions.features)), np.nan, dtype=np.float32))


def find_stored_features(
    settings: Settings, lake: Lake, payments: pa.Table, names: Sequence[str]
) -> StoredFeatures:
    """The named features of payments of the lake.

    Args:
        settings: with the definitions, and when profiles are there.
        lake: with these payments.
        payments: card_id, transaction_id and timestamp (ms), n rows.
        names: of features.

    Raises:
        DataError: a file of the lake is broken.
    """
    definitions = settings.loaded_definitions
    found = no_features(definitions, payments.num_rows)
    if not names:
        return found
    times = payments["timestamp"].to_numpy()
    keys = payment_hashes(payments["card_id"], payments["transaction_id"])
    is_open = np.ones(len(times), dtype=np.bool_)
    first, last = day_of(int(times.min())), day_of(int(times.max()))
    done = read_days(lake, features_dataset(definitions))
    columns = list(dict.fromkeys(("card_id", "transaction_id", *names)))
    for day in days_between(first, last):
        for path in done[day].files if day in done else ():
            table = lake.read_table(path, columns)
            _fill(definitions, found.rows, is_open, keys, table, names)
    stored = ~is_open
    if is_open.any():
        table = _computed(settings, lake, times[is_open], names)
        _fill(definitions, found.rows, is_open, keys, table, names)
    computed = int((~is_open & ~stored).sum())
    return StoredFeatures(found.rows, computed, int(is_open.sum()))


def _fill(
    definitions: Definitions,
    rows: Rows,
    is_open: npt.NDArray[np.bool_],
    keys: Keys,
    table: pa.Table,
    names: Sequence[str],
) -> None:
    """Enter the table's features of those payments that have none yet."""
    stored = payment_hashes(table["card_id"], table["transaction_id"])
    index = pc.index_in(pa.array(keys), value_set=pa.array(stored)).fill_null(-1).to_numpy()
    chosen = np.flatnonzero(is_open & (index >= 0))
    order = {feature: column for column, feature in enumerate(definitions.feature_names)}
    for name in names:
        rows[chosen, order[name]] = as_feature(table[name]).to_numpy()[index[chosen]]
    is_open[chosen] = False


def _computed(settings: Settings, lake: Lake, times: npt.NDArray[np.int64], names: Sequence[str]) -> pa.Table:
    """The features of the days of these payments, from all that the lake has of what they depend on."""
    definitions = settings.loaded_definitions
    first, last = day_of(int(times.min())), day_of(int(times.max()))
    schema = input_arrow(definitions)
    files = committed_files(lake, "transactions", first - _looks_back(definitions, names), last)
    tables = [lake.read_rows(one.path, schema) for one in files]
    # A card's payments are all in one partition.
    table = pa.concat_tables([schema.empty_table(), *tables]).sort_by(_ARRIVAL)
    found = compute_features(
        definitions, table, read_labels(lake), lambda *_: None, rules=settings.labels,
        available_after=settings.profiles.available_after, delay=settings.profiles.delay,
    )  # fmt: skip
    order = {feature: column for column, feature in enumerate(definitions.feature_names)}
    columns = {name: found.rows[:, order[name]] for name in names}
    identity = table.take(pa.array(found.indices)).select(["card_id", "transaction_id"])
    return pa.table({one: identity[one] for one in identity.column_names} | columns)


def _looks_back(definitions: Definitions, names: Sequence[str]) -> timedelta:
    """How long before a payment the first is that its features depend on."""
    kernel = {feature.name for feature in definitions.kernel_features}
    if kernel.issuperset(names):
        return warm_up(definitions)
    return max(warm_up(definitions), (LONGEST_DAYS + REPORT_DAYS) * DAY)
