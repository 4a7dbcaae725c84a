"""The report on a file: its format, its columns, a mapping, and what the mapping gives."""

import re
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.errors import DataError
from fraud.machine.terminal import shown
from fraud.messages.admission import max_amounts
from fraud.settings import AdmissionSettings
from producer.inspection.mapping_proposal import propose, propose_labels
from producer.inspection.mapping_text import Proposal
from producer.inspection.names import AFTERWARDS
from producer.inspection.profile import ColumnProfile, profile_column
from producer.inspection.proposal import ProposedField, propose_fields
from producer.inspection.suspicions import Suspicion, gives_away
from producer.label_fields import IS_FRAUD, LABEL_NAMES
from producer.replay.files.opening import open_source
from producer.replay.files.source import Chunk, FileDescription
from producer.replay.forms.texts import stem_of
from producer.replay.mapping.columns import ColumnMapping, FieldSource
from producer.replay.mapping.mapping_file import read_mapping
from producer.replay.readers import LabelFileReader, ReadingRemarks, TransactionFileReader
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.findings import Findings
from producer.replay.rows.values import as_bool
from producer.replay.staging.remedies import remedy

SAMPLE_ROWS = 100_000


@dataclass
class FileReport:
    """One file.

    Attributes:
        rows: of the whole file, without those of another shape than the header.
        misshapen: rows of another shape.
        sampled: rows that were looked at closely, the first ones.
        columns: the profile of each.
        fields: the field that each column feeds, by the mapping.
        good: of the sampled rows, those that the mapping reads; None if there is no mapping for them.
        reasons: why the others are not, with counts.
    """

    path: Path
    about: FileDescription
    rows: int = 0
    misshapen: int = 0
    sampled: int = 0
    columns: list[ColumnProfile] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    good: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    suspicions: list[Suspicion] = field(default_factory=list)


@dataclass
class Inspection:
    """Both files, and what was proposed.

    Attributes:
        proposal: the mapping's text, unless a mapping was given.
        further_fields: what definitions could declare for the columns that feed no field.
    """

    transactions: FileReport
    labels: FileReport | None
    proposal: str | None
    further_fields: list[ProposedField] = field(default_factory=list)


def inspect_files(
    definitions: Definitions,
    admission: AdmissionSettings,
    transactions: Path,
    labels: Path | None = None,
    columns: Path | None = None,
) -> Inspection:
    """Read the files, propose a mapping unless `columns` is one, and see what it gives.

    Raises:
        FraudError: a file cannot be read, or the mapping is wrong.
    """
    mapping = read_mapping(definitions, columns) if columns else ColumnMapping()
    reading = _Reading(transactions, mapping)
    report = reading.report
    label_reading = _Reading(labels, mapping.of_labels()) if labels else None
    proposal = None
    if columns is None:
        entries = propose(definitions, report.columns, with_labels=labels is not None)
        of_labels = propose_labels(label_reading.report.columns) if label_reading else []
        proposal = Proposal(entries, of_labels).text()
        mapping = _parsed(definitions, proposal)
    ids = _try_transactions(definitions, reading, mapping, admission, has_labels=labels is not None)
    if label_reading:
        _try_labels(label_reading, mapping.of_labels(), admission, ids)
    taken = {*report.fields, *(name for origin in mapping.values() for name in origin.needs())}
    further = propose_fields(report.columns, {*taken, *report.fields.values(), *LABEL_NAMES})
    return Inspection(report, label_reading.report if label_reading else None, proposal, further)


class _Reading:
    """A file that is read once: its first rows at once, as the sample, the rest later.

    Attributes:
        sample: the first rows, at most `SAMPLE_ROWS`, with their positions.
    """

    def __init__(self, path: Path, mapping: ColumnMapping) -> None:
        self.source = open_source(path, mapping.file)
        self.report = FileReport(path, self.source.about)
        self._chunks = self.source.chunks(self._reject_rows)
        self._left: Chunk | None = None
        self.sample = self._sampled()
        self.report.sampled = len(self.sample.rows)
        self.report.columns = [profile_column(name, self.sample.rows[name]) for name in self.source.columns]

    def rest(self) -> Iterator[Chunk]:
        """The rows after the sample; they are counted on the way."""
        for chunk in chain([self._left] if self._left else [], self._chunks):
            self.report.rows += len(chunk.positions)
            yield chunk

    def _sampled(self) -> Chunk:
        kept: list[Chunk] = []
        left = SAMPLE_ROWS
        for chunk in self._chunks:
            kept.append(Chunk(chunk.rows[:left], chunk.positions[:left]))
            self._left = (
                Chunk(chunk.rows[left:], chunk.positions[left:]) if len(chunk.positions) > left else None
            )
            left -= len(kept[-1].positions)
            if left <= 0:
                break
        self.report.rows = SAMPLE_ROWS - left
        if not self.report.rows:
            raise DataError(f"{self.report.path} has a header and no rows below")
        table = pa.Table.from_batches([one.rows for one in kept]).combine_chunks()
        (batch,) = table.to_batches(max_chunksize=SAMPLE_ROWS)
        return Chunk(batch, np.concatenate([one.positions for one in kept]))

    def _reject_rows(self, position: int, reason: str, row: Sequence[object]) -> None:
        self.report.misshapen += 1
        if self.report.misshapen <= 3:
            sentence = f"{self.source.describe_position(position)} {reason}"
            self.report.suspicions.append(Suspicion("warning", sentence))


def _parsed(definitions: Definitions, text: str) -> ColumnMapping:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(definitions, path)


def _try_transactions(
    definitions: Definitions,
    reading: _Reading,
    mapping: ColumnMapping,
    admission: AdmissionSettings,
    *,
    has_labels: bool,
) -> pa.Array:
    """Apply the mapping to the sample, and count repeated ids in the whole file.

    Returns:
        The sample's ids that it reads.
    """
    report, source, stem = reading.report, reading.source, stem_of(reading.report.path)
    limits = AdmissionLimits(
        admission.earliest, int(time.time() * 1_000), admission.max_amount, max_amounts(admission)
    )
    try:
        reader = TransactionFileReader(
            definitions, source, mapping, limits, stem, has_label_file=has_labels, cards=None
        )
    except DataError as error:
        report.suspicions.append(Suspicion("error", str(error)))
        deque(reading.rest(), 0)
        return pa.array([], pa.string())
    found = reader.conform(reading.sample)
    _enter(report, reader.columns, found.findings, reader.remarks)
    for chunk in reading.rest():
        reader.only_ids(chunk)
    report.suspicions += reader.suspicions
    report.suspicions += [Suspicion("warning", text) for text in reader.ids.warnings()]
    if found.fraud_flags is not None:
        report.suspicions += _afterwards(report, reader.columns, found.fraud_flags)
        report.remarks.append(_share_of_fraud(found.fraud_flags))
    return found.rows["transaction_id"].filter(found.good)


def _try_labels(
    reading: _Reading, mapping: ColumnMapping, admission: AdmissionSettings, ids: pa.Array
) -> None:
    report = reading.report
    deque(reading.rest(), 0)
    try:
        reader = LabelFileReader(reading.source, mapping, admission.earliest, cards=None)
    except DataError as error:
        report.suspicions.append(Suspicion("error", str(error)))
        return
    found = reader.conform(reading.sample)
    _enter(report, reader.columns, found.findings, reader.remarks)
    good = found.rows.filter(found.good)
    joined = int(pc.sum(pc.is_in(good["transaction_id"], value_set=ids)).as_py() or 0)
    if not joined and len(good):
        report.suspicions.append(
            Suspicion(
                "error",
                "not one of its transaction_ids is among the transactions looked at: are they those "
                "of the same file, with the same prefix?",
            )
        )
    report.remarks.append(_share_of_fraud(good["is_fraud"]))
    report.remarks.append(f"{joined:,} of {len(good):,} labels are of transactions looked at")


def _enter(
    report: FileReport, columns: dict[str, FieldSource], findings: Findings, remarks: ReadingRemarks
) -> None:
    report.fields = {name: target for target, origin in columns.items() for name in origin.needs()}
    report.good = int(findings.good().sum())
    report.reasons = Counter(_kind_of(reason) for reason in findings.reasons.values())
    for reason, count in report.reasons.most_common(3):
        words = remedy(next(one for one in findings.reasons.values() if _kind_of(one) == reason))
        example = next(one for one in findings.reasons.values() if _kind_of(one) == reason)
        report.suspicions.append(
            Suspicion(
                "warning",
                f"{count:,} rows cannot be used, such as: {example}" + (f" ({words})" if words else ""),
            )
        )
    for name, left in findings.left_out.items():
        if left:
            report.suspicions.append(
                Suspicion("warning", f"{name} is left out of {len(left):,} rows: {next(iter(left.values()))}")
            )
    if not report.good:
        report.suspicions.append(Suspicion("error", "not one row can be used as mapped"))
    report.remarks += remarks.notes


def _kind_of(reason: str) -> str:
    """A reason without its values."""
    return re.sub(r"'[^']*'|\d[\d.]*", "", reason)


def _afterwards(
    report: FileReport, columns: dict[str, FieldSource], fraud_flags: pa.Array
) -> list[Suspicion]:
    """Columns that were probably written when the fraud was known; unmapped, they are not read."""
    own = columns[IS_FRAUD].needs()
    found = []
    for column in report.columns:
        if column.name in own or column.kind in ("nested", "empty"):
            continue
        mapped = report.fields.get(column.name)
        if gives_away(column.values, fraud_flags):
            found.append(f"{shown(column.name)} gives is_fraud away")
        elif (
            AFTERWARDS.search(column.name)
            and mapped is None
            and as_bool(pc.unique(column.values)).null_count <= 1
        ):
            found.append(f"{shown(column.name)} may have been written when the fraud was known")
    return [Suspicion("warning", f"{text}: do not map it to a field") for text in found[:3]]


def _share_of_fraud(fraud_flags: pa.Array) -> str:
    known = fraud_flags.drop_null()
    frauds = int(pc.sum(pc.cast(known, pa.int64())).as_py() or 0)
    return f"{frauds:,} of {len(known):,} labels are fraud" + (
        f" ({frauds / len(known):.3%})" if len(known) else ""
    )
