"""Precedence of several reports on one payment: the highest source decides, within a source the latest.

A report has no effect while a report of a higher source is known, regardless of their order. Of several
reports of one rank and one moment the last by partition and offset decides; contradictions are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.labels.history import LabelHistory
from fraud.schema import LabelSource

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelReports:
    """R reports on payments, in any order.

    Attributes:
        rows: index of the payment, int64 (R,).
        reported_at: ms UTC, int64 (R,).
        is_fraud: bool (R,).
        ranks: ranks of the sources, int64 (R,); the higher one decides.
        partitions: partition of the labels topic, int64 (R,).
        offsets: offset within the partition, int64 (R,).
    """

    rows: Ints
    reported_at: Ints
    is_fraud: Flags
    ranks: Ints
    partitions: Ints
    offsets: Ints


class DecidedLabels(NamedTuple):
    """The label history of the reports, and the reports that one of the same rank and moment contradicts.

    `contradicted` are the indices of the overruled reports, int64, by payment and moment.
    """

    history: LabelHistory
    contradicted: Ints


def rank_sources(sources: pa.ChunkedArray, precedence: Mapping[LabelSource, int]) -> Ints:
    """The rank of each source, int64 (R,); an unknown source ranks 0, below all others."""
    encoded = sources.cast(pa.string()).combine_chunks().fill_null("").dictionary_encode()
    ranks = np.array([precedence.get(name, 0) for name in encoded.dictionary.to_pylist()], dtype=np.int64)
    return np.asarray(ranks[encoded.indices.to_numpy(zero_copy_only=False)], dtype=np.int64)


def decide_labels(length: int, reports: LabelReports) -> DecidedLabels:
    """The label history of `length` payments from these reports, independent of their order."""
    effective, last = _effective(reports)
    contradicted = _contradicted(reports, effective, last)
    return DecidedLabels(_changes(length, reports, effective[last]), contradicted)


def deciding_reports(reports: LabelReports) -> Ints:
    """For each reported payment the report that decides when all are known.

    Returns:
        Indices of the reports, one for each payment, ascending by payment.
    """
    effective, last = _effective(reports)
    lasting = effective[last]
    rows = reports.rows[lasting]
    is_last = np.ones(len(rows), dtype=np.bool_)
    is_last[:-1] = rows[1:] != rows[:-1]
    return np.asarray(lasting[is_last], dtype=np.int64)


def _effective(reports: LabelReports) -> tuple[Ints, Flags]:
    """The reports of the highest source so far, by payment and time, and which are last of their moment."""
    order = _in_order(reports)
    rows, ranks = reports.rows[order], reports.ranks[order]
    effective = order[ranks == _highest_so_far(rows, ranks)]
    rows, times = reports.rows[effective], reports.reported_at[effective]
    # Of several reports at one moment only the last has an effect.
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
    return effective, last


def _contradicted(reports: LabelReports, effective: Ints, last: Flags) -> Ints:
    """The effective reports that the last report of their moment, of the same rank, contradicts."""
    deciding = effective[last][np.cumsum(last) - last]
    is_opposite = reports.is_fraud[effective] != reports.is_fraud[deciding]
    contradicted = is_opposite & (reports.ranks[effective] == reports.ranks[deciding])
    return np.asarray(effective[contradicted], dtype=np.int64)


def _in_order(reports: LabelReports) -> Ints:
    """The order by payment, moment, partition and offset, int64 (R,)."""
    order = np.argsort(reports.rows, kind="stable")
    rows = reports.rows[order]
    # Most payments have one report; only the others are sorted by all keys.
    is_same = rows[1:] == rows[:-1]
    several = np.zeros(len(rows), dtype=np.bool_)
    several[1:] |= is_same
    several[:-1] |= is_same
    ties = order[several]
    keys = (reports.offsets, reports.partitions, reports.reported_at, reports.rows)
    order[several] = ties[np.lexsort([key[ties] for key in keys])]
    return order


def _highest_so_far(rows: Ints, ranks: Ints) -> Ints:
    """The highest rank among a payment's reports up to each, int64 (R,); `rows` ascend."""
    if not len(rows):
        return ranks
    levels, codes = np.unique(ranks, return_inverse=True)
    # The levels of a payment start above those of the payments before it.
    base = rows * len(levels)
    return np.asarray(levels[np.maximum.accumulate(base + codes) - base], dtype=np.int64)


def _changes(length: int, reports: LabelReports, effective: Ints) -> LabelHistory:
    rows, fraud = reports.rows[effective], reports.is_fraud[effective]
    before = np.zeros(len(rows), dtype=np.bool_)
    before[1:] = fraud[:-1] & (rows[1:] == rows[:-1])
    changed = fraud != before
    return LabelHistory(length, rows[changed], reports.reported_at[effective][changed], fraud[changed])
