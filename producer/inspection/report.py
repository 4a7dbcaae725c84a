"""A file as a whole: what it is, what its columns are, a mapping, and what that would give."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from fraud.errors import DataError
from fraud.messages.admission import max_amounts
from fraud.settings import AdmissionSettings
from producer.inspection.names import AFTERWARDS
from producer.inspection.profile import ColumnProfile, profile_column
from producer.inspection.proposal import Proposal, propose, propose_labels
from producer.inspection.suspicions import Suspicion, gives_away, suspicions_of
from producer.replay.conforming import (
    Findings,
    Limits,
    Place,
    conform_labels,
    conform_transactions,
    conform_verdicts,
)
from producer.replay.files.source import About, Source
from producer.replay.forms.texts import stem_of
from producer.replay.mapping import VERDICT, Columns, Origin, read_mapping
from producer.replay.reading import open_source
from producer.replay.recognise import recognise_units
from producer.replay.remedies import remedy
from producer.replay.survey import Remarks, label_columns, transaction_columns
from producer.replay.values import as_bool

SAMPLE_ROWS = 100_000


@dataclass
class FileReport:
    """One file.

    Attributes:
        rows: of the whole file, without those of another shape than the header.
        misshapen: rows of another shape.
        sampled: rows that were looked at closely, the first ones.
        columns: what each holds.
        fields: the field that each column feeds, by the mapping.
        good: of the sampled rows, those that the mapping reads; None if there is no mapping for them.
        reasons: why the others are not, with counts.
    """

    path: Path
    about: About
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
    """Both files, and the mapping's text if it was proposed."""

    transactions: FileReport
    labels: FileReport | None
    proposal: str | None


def inspect_files(
    admission: AdmissionSettings, transactions: Path, labels: Path | None, columns: Path | None
) -> Inspection:
    """Read the files, propose a mapping unless `columns` is one, and see what it gives.

    Raises:
        FraudError: a file cannot be read, or the mapping is wrong.
    """
    mapping = read_mapping(columns) if columns else Columns()
    report, source, sample = _read(transactions, mapping)
    label_report = None
    if labels:
        label_report, label_source, label_sample = _read(labels, mapping.of_labels(), of_labels=True)
    proposal = None
    if columns is None:
        entries = propose(report.columns, with_labels=labels is not None)
        proposal = Proposal(entries, propose_labels(label_report.columns) if label_report else []).text()
        mapping = _parsed(proposal)
    ids = _try_transactions(report, source, sample, mapping, admission, has_labels=labels is not None)
    if label_report:
        _try_labels(label_report, label_source, label_sample, mapping.of_labels(), admission, ids)
    return Inspection(report, label_report, proposal)


def _read(path: Path, mapping: Columns, *, of_labels: bool = False) -> tuple[FileReport, Source, pa.Table]:
    source = open_source(path, mapping.file)
    report, kept, left = FileReport(path, source.about), list[pa.RecordBatch](), SAMPLE_ROWS
    reasons: Counter[str] = Counter()

    def put_aside(place: int, reason: str, row: Sequence[object]) -> None:
        report.misshapen += 1
        if report.misshapen <= 3:
            report.suspicions.append(Suspicion("warning", f"{source.name_place(place)} {reason}"))

    for chunk in source.chunks(put_aside):
        report.rows += len(chunk.places)
        if left > 0:
            kept.append(chunk.rows.append_column("\0place", pa.array(chunk.places))[:left])
            left -= len(kept[-1])
    if not report.rows:
        raise DataError(f"{path} has a header and no rows below")
    sample = pa.Table.from_batches(kept).combine_chunks()
    report.sampled, report.reasons = len(sample), reasons
    report.columns = [profile_column(name, sample[name]) for name in source.columns]
    return report, source, sample


def _parsed(text: str) -> Columns:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(path)


def _try_transactions(
    report: FileReport,
    source: Source,
    sample: pa.Table,
    mapping: Columns,
    admission: AdmissionSettings,
    *,
    has_labels: bool,
) -> pa.Array:
    """See what the mapping gives of the sample; returns the ids that it reads."""
    try:
        columns, remarks = transaction_columns(source, mapping, has_label_file=has_labels)
    except DataError as error:
        report.suspicions.append(Suspicion("error", str(error)))
        return pa.array([], pa.string())
    batch, places = _batch(sample)
    recognised = recognise_units(columns, batch)
    columns, remarks.notes = recognised.columns, remarks.notes + recognised.notes
    limits = Limits(
        admission.earliest, int(time.time() * 1_000), admission.max_amount, max_amounts(admission)
    )
    rows, findings = conform_transactions(batch, columns, limits, Place(places, stem_of(report.path)))
    verdicts = conform_verdicts(batch, columns[VERDICT], findings) if VERDICT in columns else None
    good = pa.array(findings.good())
    _enter(report, columns, findings, remarks)
    chosen = verdicts.filter(good) if verdicts is not None else None
    report.suspicions += suspicions_of(rows.filter(good), chosen)
    if verdicts is not None:
        report.suspicions += _afterwards(report, batch, columns, verdicts)
        report.remarks.append(_share_of_fraud(verdicts))
    return rows["transaction_id"].filter(good)


def _try_labels(
    report: FileReport,
    source: Source,
    sample: pa.Table,
    mapping: Columns,
    admission: AdmissionSettings,
    ids: pa.Array,
) -> None:
    try:
        columns, remarks = label_columns(source, mapping)
    except DataError as error:
        report.suspicions.append(Suspicion("error", str(error)))
        return
    batch, _ = _batch(sample)
    recognised = recognise_units(columns, batch)
    rows, findings = conform_labels(batch, recognised.columns, admission.earliest)
    remarks.notes += recognised.notes
    _enter(report, recognised.columns, findings, remarks)
    good = rows.filter(pa.array(findings.good()))
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


def _batch(sample: pa.Table) -> tuple[pa.RecordBatch, pa.Array]:
    batch = sample.to_batches(max_chunksize=SAMPLE_ROWS)[0]
    return batch.drop_columns(["\0place"]), batch["\0place"].to_numpy()


def _enter(report: FileReport, columns: dict[str, Origin], findings: Findings, remarks: Remarks) -> None:
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
    report: FileReport, batch: pa.RecordBatch, columns: dict[str, Origin], verdicts: pa.Array
) -> list[Suspicion]:
    """Columns that were probably written when the fraud was known; unmapped, they are not read."""
    own = columns[VERDICT].needs()
    found = []
    for column in report.columns:
        if column.name in own or column.kind in ("nested", "empty"):
            continue
        mapped = report.fields.get(column.name)
        if gives_away(column.values, verdicts):
            found.append(f"{column.name} gives is_fraud away")
        elif (
            AFTERWARDS.search(column.name)
            and mapped is None
            and as_bool(pc.unique(column.values)).null_count <= 1
        ):
            found.append(f"{column.name} may have been written when the fraud was known")
    return [Suspicion("warning", f"{text}: do not map it to a field") for text in found[:3]]


def _share_of_fraud(verdicts: pa.Array) -> str:
    known = verdicts.drop_null()
    frauds = int(pc.sum(pc.cast(known, pa.int64())).as_py() or 0)
    return f"{frauds:,} of {len(known):,} labels are fraud" + (
        f" ({frauds / len(known):.3%})" if len(known) else ""
    )
