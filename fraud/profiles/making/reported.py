"""The reported payments, in the lake: what was found for earlier reports is not looked for again.

A run reads the files of labels that came since the last one, and searches their payments by the files of ids;
on days whose payments changed it searches the payments of all reports.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.daily import day_number
from fraud.features.events import encode_table, hash_identifier
from fraud.ingest.commits import LakeFile, committed_files
from fraud.labels.joining import join_labels
from fraud.labels.lake import LABEL_COLUMNS, read_label_files
from fraud.lake import Lake
from fraud.preprocess.plan import REPORT_DAYS, LakeIndex, fingerprint
from fraud.profiles.frauds import FraudPeriods
from fraud.profiles.keys import counted_keys
from fraud.profiles.making.day_payments import payment_arrow
from fraud.profiles.making.files import profile_folder, remove_replaced
from fraud.profiles.making.id_files import files_with
from fraud.profiles.making.periods import DayFiles
from fraud.settings import LabelSettings

Ints = npt.NDArray[np.int64]

_POSITION = (("partition", pa.int32()), ("offset", pa.int64()))


class _Manifest(msgspec.Struct, frozen=True):
    """What is kept, and what it was made of; written last.

    Attributes:
        labels, payments: the paths of the files.
        ends: up to which offset the labels of each partition are in.
        label_files: fingerprint of their files.
        days: the fingerprint of each day's payments that were searched.
    """

    labels: str
    payments: str
    ends: dict[int, int]
    label_files: str
    days: dict[date, str]


@dataclass(frozen=True)
class ReportedPayments:
    """All labels, and the payments with the ids that they name.

    Attributes:
        labels: `LABEL_COLUMNS`, R rows.
        payments: transaction_id, card_id, timestamp, partition, offset, the fields that have profiles and
            those that separate refunds from payments; may have payments of other cards, and repeats.
    """

    labels: pa.Table
    payments: pa.Table

    def frauds(self, definitions: Definitions, rules: LabelSettings) -> dict[str, FraudPeriods]:
        """The frauds of each field's keys; a refund that was reported is none, as it is no payment."""
        arrived = self.payments.sort_by([(name, "ascending") for name, _ in _POSITION])
        history = join_labels(arrived, self.labels, rules).history
        counted = counted_keys(definitions, encode_table(definitions, arrived))
        every_ms = definitions.profile_every_ms
        return {field: FraudPeriods.of_history(history, keys, every_ms) for field, keys in counted.items()}


def update_reported(
    definitions: Definitions, lake: Lake, transactions: LakeIndex, days: Sequence[date]
) -> ReportedPayments:
    """Bring the reported payments of these days up to date, and keep them.

    Args:
        definitions: with profiles.
        lake: with transactions and labels.
        transactions: index of the lake's transactions.
        days: whose files are made; payments of other days are there if an earlier run has found them.

    Raises:
        DataError: a file of the lake is missing or broken.
    """
    files = committed_files(lake, "labels")
    kept, before = _read(definitions, lake, files)
    new = [file for file in files if file.start >= kept.ends.get(file.partition, 0)]
    made = {day: DayFiles(definitions, transactions, day) for day in days}
    changed = {day for day, one in made.items() if kept.days.get(day) != one.fingerprint}
    if not new and not changed:
        return before
    added = read_label_files(lake, new)
    labels = pa.concat_tables([before.labels, added])
    # Days that this run does not search although they may have what the new labels name.
    left = {day for day in kept.days.keys() - made.keys() if len(_ids(added, day))}
    found = [_without_days(before.payments, changed | left)]
    for day, one in made.items():
        found.append(_find(definitions, lake, one, _ids(labels if day in changed else added, day)))
    after = ReportedPayments(labels, pa.concat_tables(found))
    fingerprints = {day: one for day, one in kept.days.items() if day not in left}
    fingerprints |= {day: one.fingerprint for day, one in made.items()}
    _write(definitions, lake, after, files, fingerprints, kept)
    return after


def _ids(labels: pa.Table, day: date) -> pa.Array:
    """The ids of reports that can be on payments of a day, by the card schemes' time limit.

    The time of a report may be a little before that of its payment.
    """
    reported = labels["reported_at"].to_numpy() // DAY_MS - day_number(day)
    chosen = (reported >= -1) & (reported <= REPORT_DAYS)
    return pc.unique(labels["transaction_id"].filter(pa.array(chosen)))


def _find(definitions: Definitions, lake: Lake, files: DayFiles, ids: pa.Array) -> pa.Table:
    """The payments of a day with these ids."""
    hashes = np.array([hash_identifier(text) for text in ids.to_pylist()], dtype=np.uint64).view(np.int64)
    numbers = files_with(lake, files.ids, np.sort(hashes)) if files.payments else set()
    schema = _kept_arrow(definitions)
    tables = (lake.read_rows(files.payments[number].path, schema) for number in sorted(numbers))
    chosen = [table.filter(pc.is_in(table["transaction_id"], ids)) for table in tables]
    return pa.concat_tables([schema.empty_table(), *chosen])


def _kept_arrow(definitions: Definitions) -> pa.Schema:
    has_refunds = definitions.field_by_name["amount"].allows_refunds
    unneeded = () if has_refunds else ("amount", "currency")
    fields = [one for one in payment_arrow(definitions) if one.name not in unneeded]
    return pa.schema([*fields, *_POSITION])


def _without_days(payments: pa.Table, days: Iterable[date]) -> pa.Table:
    numbers = [day_number(day) for day in days]
    return payments.filter(pa.array(~np.isin(payments["timestamp"].to_numpy() // DAY_MS, numbers)))


def _read(
    definitions: Definitions, lake: Lake, files: Sequence[LakeFile]
) -> tuple[_Manifest, ReportedPayments]:
    """What is kept; nothing if the lake has other labels than those that it was made of."""
    path, schema = _manifest_path(definitions), _kept_arrow(definitions)
    if lake.exists(path):
        kept = msgspec.convert(lake.read_json(path), _Manifest, strict=False)
        known = [file for file in files if file.start < kept.ends.get(file.partition, 0)]
        if fingerprint(known) == kept.label_files:
            labels = lake.read_table(kept.labels).select(LABEL_COLUMNS)
            return kept, ReportedPayments(labels, lake.read_rows(kept.payments, schema))
    nothing = ReportedPayments(read_label_files(lake, []), schema.empty_table())
    return _Manifest("", "", {}, "", {}), nothing


def _write(
    definitions: Definitions,
    lake: Lake,
    reported: ReportedPayments,
    files: Sequence[LakeFile],
    days: dict[date, str],
    before: _Manifest,
) -> None:
    folder, name = f"{profile_folder(definitions)}/reported", uuid.uuid4().hex
    ends: dict[int, int] = {}
    for file in files:
        ends[file.partition] = max(file.end, ends.get(file.partition, 0))
    manifest = _Manifest(
        f"{folder}/labels-{name}.parquet", f"{folder}/payments-{name}.parquet", ends, fingerprint(files), days
    )
    lake.write_table(reported.labels, manifest.labels)
    lake.write_table(reported.payments, manifest.payments)
    lake.write_json(msgspec.to_builtins(manifest, str_keys=True), _manifest_path(definitions))
    kept = [manifest.labels, manifest.payments, before.labels, before.payments, _manifest_path(definitions)]
    remove_replaced(lake, folder, kept)


def _manifest_path(definitions: Definitions) -> str:
    return f"{profile_folder(definitions)}/reported/manifest.json"
