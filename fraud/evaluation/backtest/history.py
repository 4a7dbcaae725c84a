"""A history for a backtest: rows with their final labels, and the labels as of any moment before."""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.features.table import FeatureRows
from fraud.labels.history import ALWAYS, LabelHistory
from fraud.labels.joining import DEFAULT_RULES, join_labels
from fraud.labels.observation import observe, summarise_observation
from fraud.labels.progress import MIN_REPORTED_LAG, Maturity, feed_progress
from fraud.money.tables import in_base
from fraud.settings import LabelSettings
from fraud.training.contracts.columns import IDENTITY_COLUMNS
from fraud.training.dataset import Dataset
from fraud.training.splits import Fold

Ints = npt.NDArray[np.int64]

MOSTLY_REPORTED = 0.8
"""A row has matured when the feed is past it by the delay within which this share of frauds is reported."""


@dataclass(frozen=True)
class BacktestHistory:
    """Rows with their final labels, and their label history for as-of joins.

    Attributes:
        data: N rows sorted by event time, with the final labels; without those never observed.
        reports: how the labels of these rows came to be.
        feed: every label with its transaction_id and reported_at (ms), those on other rows too.
        notes: sentences on what is wrong with the labels.
    """

    data: Dataset
    reports: LabelHistory
    feed: pa.Table
    notes: tuple[str, ...] = ()

    def as_known_before(self, moment: int) -> Dataset:
        """The rows whose outcome was observed before `moment` (ms), labelled as they were known then.

        The labels stay those of this moment in every part of the rows.
        """
        return replace(self.data, labels=self.reports.as_known_at(moment - 1)).observed_at(moment - 1)

    def training_rows(self, fold: Fold) -> Dataset:
        """The rows of the fold's training period, labelled as they were known when its test began.

        A row without a report is legitimate, as in production, if the feed of labels had come far enough past
        it for a fraud to have been reported. The young end of the period, where most reports were still on
        their way, is left out; but with a feed that goes on never more than half of the period, so that there
        are rows to train on.
        """
        part = self.as_known_before(fold.test.start).between(fold.train)
        known = self.maturity_before(fold.test.start)
        lag = fold.test.start - known.known_until
        middle = (fold.train.start + fold.train.end) // 2 - lag
        matured = min(max(known.cutoff or 0, middle), fold.train.end)
        return part.between(replace(fold.train, end=max(matured, fold.train.start)))

    def maturity_before(self, moment: int) -> Maturity:
        """How far rows had matured before `moment` (ms), by the labels reported until then."""
        reported = self.feed.filter(pc.less(self.feed["reported_at"], moment))
        delay = timedelta(milliseconds=self._reporting_delay(moment - 1))
        return Maturity(moment, feed_progress(reported, moment), delay)

    def notes_on(self, fold: Fold) -> tuple[str, ...]:
        """Sentences on labels of the fold that distort its figures."""
        stopped = self.maturity_before(fold.test.start).warning()
        found = [f"the training before {fold.test}: {stopped}"] if stopped else []
        progress = feed_progress(self.feed, int(self.data.timestamps[-1])) or fold.test.start
        open_ms = fold.test.end - progress + self._reporting_delay(ALWAYS)
        if timedelta(milliseconds=open_ms) >= MIN_REPORTED_LAG:
            days = min(open_ms / DAY_MS, fold.test.days)
            found.append(
                f"the test {fold.test}: frauds of its last {days:.0f} days may not have been reported before "
                "the labels end, and count as legitimate"
            )
        return tuple(found)

    def _reporting_delay(self, moment: int) -> int:
        """The delay (ms) within which most frauds known at `moment` were first reported."""
        first = self.reports.first_reported(moment)
        frauds = first > 0
        if not frauds.any():
            return 0
        return int(np.quantile(first[frauds] - self.data.timestamps[frauds], MOSTLY_REPORTED))


def make_backtest_history(
    data: Dataset,
    labels: pa.Table,
    rules: LabelSettings = DEFAULT_RULES,
    feed: pa.Table | None = None,
    decisions: pa.Table | None = None,
) -> BacktestHistory:
    """Attach labels, as `fraud.labels.joining.join_labels` takes them; those of `data` are replaced.

    Args:
        data: the rows.
        labels: on these rows.
        rules: which of several reports on a payment counts.
        feed: these labels and others beside them, where there are any.
        decisions: as `fraud.labels.observation.observe` takes them; None: everything was let through.

    Raises:
        DataError: a label names no transaction of the history.
    """
    payments = data.identity.append_column("timestamp", pa.array(data.timestamps))
    joined = join_labels(payments, labels, rules)
    if joined.unused.unknown:
        raise DataError(
            f"{joined.unused.unknown} labels name transactions that are not in the history "
            f"(first: {', '.join(joined.unused.examples['unknown'])}); give the labels that belong to it"
        )
    labelled = replace(data, labels=joined.history.as_known_at(ALWAYS), reports=None, unused=joined.unused)
    notes, reports = tuple(joined.unused.warnings()), joined.history
    observation = None if decisions is None else observe(payments, decisions, joined.reports)
    if observation is not None:
        # Nothing is reported as late as this.
        last = ALWAYS - 1
        labelled = replace(labelled, observation=observation).observed_at(last)
        reports = reports.take(np.flatnonzero(observation.known_at(last)))
        notes += summarise_observation(observation, last).notes
    return BacktestHistory(labelled, reports, labels if feed is None else feed, notes)


def history_from_tables(
    definitions: Definitions,
    transactions: pa.Table,
    labels: pa.Table,
    features: FeatureRows,
    fraud_types: pa.Table | None = None,
    rules: LabelSettings = DEFAULT_RULES,
) -> BacktestHistory:
    """The history in a user's tables.

    Args:
        definitions: of the features.
        transactions: in the Transaction schema, in order of event time.
        labels: as `fraud.labels.joining.join_labels` takes them.
        features: of these transactions.
        fraud_types: transaction_id and fraud_type, where a simulator names the kind of fraud.
        rules: which of several reports on a payment counts.

    Raises:
        DataError: a label names no transaction of the history.
    """
    if len(features.indices) < transactions.num_rows:
        transactions = transactions.take(pa.array(features.indices))
    transactions = in_base(definitions, transactions)
    data = Dataset(
        rows=features.rows,
        labels=np.zeros(transactions.num_rows, dtype=np.int8),
        timestamps=transactions["timestamp"].to_numpy(),
        amounts=transactions["amount"].fill_null(0).to_numpy(),
        cards=_codes(transactions["card_id"]),
        identity=transactions.select(IDENTITY_COLUMNS),
        feature_names=definitions.feature_names,
        fraud_types=None
        if fraud_types is None
        else _fraud_types(transactions["transaction_id"], fraud_types),
        base=definitions.money.code if definitions.money else None,
    )
    return make_backtest_history(data, labels, rules)


def _codes(column: pa.ChunkedArray) -> Ints:
    indices = column.combine_chunks().dictionary_encode().indices
    return np.asarray(indices.to_numpy(), dtype=np.int64)


def _fraud_types(ids: pa.ChunkedArray, fraud_types: pa.Table) -> pa.ChunkedArray:
    places = pc.index_in(ids, value_set=fraud_types["transaction_id"].combine_chunks())
    return fraud_types["fraud_type"].cast(pa.string()).take(places)
