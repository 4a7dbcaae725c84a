"""Point-in-time join of labels to payments, by card and transaction_id; unused labels are counted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.labels.history import LabelHistory
from fraud.labels.precedence import LabelReports, decide_labels, rank_sources
from fraud.schema import LabelSource
from fraud.settings import LabelSettings

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DEFAULT_SOURCE = "chargeback"
DEFAULT_RULES = LabelSettings()
_MAX_EXAMPLES = 3


@dataclass(frozen=True)
class UnusedLabels:
    """Labels that are not used for any of the payments: their number by reason, and the first of their ids.

    Attributes:
        unknown: no payment has the label's transaction_id.
        other_card: the payments of that transaction_id are of other cards.
        early: reported before the payment was made.
        contradicted: a report of the same payment, rank and moment says the opposite and is later in the log.
    """

    unknown: int = 0
    other_card: int = 0
    early: int = 0
    contradicted: int = 0
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def warnings(self) -> Iterator[str]:
        """A sentence for each reason why labels of these payments are not used."""
        reasons = {
            "other_card": "are not used: their card_id is not that of the payment they name",
            "early": "are not used: they were reported before their payment was made",
            "contradicted": (
                "are not used: a later one of the same payment, source and moment says the opposite; "
                "the last by partition and offset decides"
            ),
        }
        for reason, text in reasons.items():
            count = getattr(self, reason)
            if count:
                yield f"{count} labels {text} (first: {', '.join(self.examples[reason])})"


NOTHING_UNUSED = UnusedLabels()


@dataclass(frozen=True)
class MatchedReports:
    """The usable labels, as reports on their payments, and those that are left out.

    Attributes:
        reports: R reports on the payments.
        labels: index of the label of each report, int64 (R,).
        unused: indices of the labels that were left out, by reason.
    """

    reports: LabelReports
    labels: Ints
    unused: dict[str, Ints]


@dataclass(frozen=True)
class JoinedLabels:
    """The label history of the payments, the labels that are not used, and the reports of those that are."""

    history: LabelHistory
    unused: UnusedLabels
    reports: LabelReports


def join_labels(
    payments: pa.Table, labels: pa.Table, rules: LabelSettings = DEFAULT_RULES, as_of: int | None = None
) -> JoinedLabels:
    """Join labels to payments: which label a payment has, and since when. Every caller uses this function.

    Args:
        payments: transaction_id, card_id and timestamp (ms), N rows; of several with the same card and id
            the first is labelled.
        labels: transaction_id, is_fraud, reported_at (ms), and optionally card_id (without it the id alone
            is the key), source (default `chargeback`), partition and offset (default: the order of rows).
        rules: precedence of the sources, and the clock skew by which a report may precede its payment.
        as_of: ms; later reports are ignored.
    """
    if as_of is not None and (pc.max(labels["reported_at"]).as_py() or 0) > as_of:
        labels = labels.filter(pc.less_equal(labels["reported_at"], as_of))
    matched = match_reports(payments, labels, rules)
    history, contradicted = decide_labels(payments.num_rows, matched.reports)
    unused = {**matched.unused, "contradicted": matched.labels[contradicted]}
    return JoinedLabels(history, _unused(labels, unused), matched.reports)


def reported_by(
    payments: pa.Table, labels: pa.Table, source: LabelSource, rules: LabelSettings = DEFAULT_RULES
) -> Flags:
    """Which payments have a label of the source, bool (N,); arguments as those of `join_labels`."""
    chosen = labels.filter(pc.equal(_column(labels, "source", DEFAULT_SOURCE), source))
    found = np.zeros(payments.num_rows, dtype=np.bool_)
    found[match_reports(payments, chosen, rules).reports.rows] = True
    return found


def match_reports(
    payments: pa.Table, labels: pa.Table, rules: LabelSettings = DEFAULT_RULES
) -> MatchedReports:
    """Match labels to payments; the arguments are those of `join_labels`."""
    owners, has_payment = _find_payments(payments, labels)
    reported_at = labels["reported_at"].to_numpy()
    found = np.flatnonzero(owners >= 0)
    times = payments["timestamp"].to_numpy()[owners[found]]
    is_early = reported_at[found] < times - rules.clock_skew // timedelta(milliseconds=1)
    used = found[~is_early]
    # A report within the skew before its payment gets the payment's time: no label is older than its payment.
    known_at = np.maximum(reported_at[used], times[~is_early])
    reports = _reports(_select_rows(labels, used), owners[used], known_at, used, rules)
    unused = {
        "unknown": np.flatnonzero(~has_payment),
        "other_card": np.flatnonzero(has_payment & (owners < 0)),
        "early": found[is_early],
    }
    return MatchedReports(reports, used, unused)


def _select_rows(labels: pa.Table, used: Ints) -> pa.Table:
    """The rows `used`, ascending, without the key columns."""
    needed = [name for name in labels.column_names if name not in ("transaction_id", "card_id")]
    chosen = labels.select(needed)
    return chosen if len(used) == labels.num_rows else chosen.take(pa.array(used))


def _reports(
    labels: pa.Table, owners: Ints, known_at: Ints, order: Ints, rules: LabelSettings
) -> LabelReports:
    sources = _column(labels, "source", DEFAULT_SOURCE)
    has_position = {"partition", "offset"} <= set(labels.column_names)
    return LabelReports(
        rows=owners,
        reported_at=known_at,
        is_fraud=labels["is_fraud"].to_numpy(zero_copy_only=False).astype(np.bool_),
        ranks=rank_sources(sources, rules.precedence),
        partitions=_ints(labels["partition"]) if has_position else np.zeros(len(owners), dtype=np.int64),
        offsets=_ints(labels["offset"]) if has_position else order,
    )


def _find_payments(payments: pa.Table, labels: pa.Table) -> tuple[Ints, Flags]:
    """The index of each label's payment, -1 without one, and whether any payment has its id."""
    label_ids, distinct = _encoded(_texts(labels["transaction_id"]))
    codes = pc.index_in(_texts(payments["transaction_id"]), value_set=distinct)
    # Few payments are reported; the following steps use only these.
    candidates = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
    payment_ids = _ints(codes.take(pa.array(candidates)))
    owners = np.full(len(distinct), -1, dtype=np.int64)
    # NumPy assigns the last of equal indices; in reverse that is the first payment.
    owners[payment_ids[::-1]] = candidates[::-1]
    owners = owners[label_ids]
    named = owners >= 0
    if "card_id" in labels.column_names:
        differs = np.flatnonzero(named)
        differs = differs[_differ(payments["card_id"], owners[differs], labels["card_id"], differs)]
        owners[differs] = -1
        repeated = np.bincount(payment_ids, minlength=len(distinct)) > 1
        differs = differs[repeated[label_ids[differs]]]
        of_repeated = repeated[payment_ids]
        owners[differs] = _by_card(
            payments["card_id"], candidates[of_repeated], payment_ids[of_repeated],
            labels["card_id"], differs, label_ids[differs],
        )  # fmt: skip
    return owners, named


def _encoded(texts: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Dictionary-encode: the code of each text, and the text of each code."""
    encoded = pc.dictionary_encode(texts, null_encoding="encode")
    if not encoded.num_chunks:
        return np.empty(0, dtype=np.int64), pa.array([], type=pa.string())
    numbers = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks])
    # All chunks have the same dictionary.
    return numbers.astype(np.int64), encoded.chunk(0).dictionary


def _differ(cards: pa.ChunkedArray, owners: Ints, label_cards: pa.ChunkedArray, rows: Ints) -> Flags:
    """Whether the labels in `rows` have another card than their payments; one without a card has not."""
    named = _texts(label_cards).take(pa.array(rows))
    same = pc.equal(_texts(cards).take(pa.array(owners)), named).fill_null(False)
    differs = pc.and_(pc.invert(same), named.is_valid())
    return np.asarray(differs.to_numpy(), dtype=np.bool_)


def _by_card(
    cards: pa.ChunkedArray,
    candidates: Ints,
    ids: Ints,
    label_cards: pa.ChunkedArray,
    rows: Ints,
    label_ids: Ints,
) -> Ints:
    """For each label in `rows` the first candidate with its id and card, -1 without one.

    `ids` (of the candidates) and `label_ids` use the same codes; no card of these labels is null.
    """
    numbers, known = _encoded(_texts(label_cards).take(pa.array(rows)))
    found = pc.index_in(_texts(cards).take(pa.array(candidates)), value_set=known)
    width = len(known) + 1
    keys = ids * width + _ints(found, len(known))
    return _first_match(keys, label_ids * width + numbers, candidates)


def _first_match(keys: Ints, wanted: Ints, rows: Ints) -> Ints:
    """For each wanted key the first of `rows` with this key, -1 without one."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    found = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    return np.where(keys[order[found]] == wanted, rows[order[found]], -1)


def _unused(labels: pa.Table, reasons: dict[str, Ints]) -> UnusedLabels:
    examples = {
        reason: tuple(labels["transaction_id"].take(pa.array(rows[:_MAX_EXAMPLES])).to_pylist())
        for reason, rows in reasons.items()
        if len(rows)
    }
    return UnusedLabels(**{reason: len(rows) for reason, rows in reasons.items()}, examples=examples)


def _column(table: pa.Table, name: str, default: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.repeat(default, table.num_rows)])
    return pc.fill_null(table[name].cast(pa.string()), default)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _ints(column: pa.ChunkedArray, unknown: int = -1) -> Ints:
    filled = column.fill_null(unknown) if column.null_count else column
    return np.asarray(filled.to_numpy(), dtype=np.int64)
