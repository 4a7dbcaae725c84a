"""Ingest of one partition: from the end of its commits to the end of its log, range by range."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import TopicPartition

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.ingest.commits import (
    Commit,
    Dataset,
    LakeFile,
    day_of,
    last_commit,
    range_name,
    remove_orphans,
    write_commit,
)
from fraud.ingest.dead_letters import send_label_letters
from fraud.ingest.decision_rows import DecisionRowReader
from fraud.ingest.rows import (
    LabelRowReader,
    PartitionReader,
    RejectedMessage,
    TransactionRowReader,
    rejected_table,
)
from fraud.ingest.taken_ids import load_taken, save_taken
from fraud.kafka.log import PartitionLog
from fraud.lake import Lake
from fraud.messages.admission import AdmissionFilter
from fraud.messages.formats.payloads import payloads_of
from fraud.native import event_clock
from fraud.native.id_index import CONFLICT_REASON
from fraud.privacy.forgotten import ForgottenCards, read_forgotten
from fraud.settings import Settings

_LOG = logging.getLogger(__name__)
_REASONS_KEPT = 5


@dataclass(frozen=True)
class LakeSource:
    """A dataset of the lake, its topic and the column that dates its rows.

    With `sends_letters` refused messages go to the dead letters; those of transactions are sent by serving,
    and decisions are serving's own.
    """

    dataset: Dataset
    topic: str
    time_column: str
    sends_letters: bool = False

    def reader(
        self, settings: Settings, max_event_time: int, admission: Sequence[int] = (), partition: int = 0
    ) -> PartitionReader:
        """The reader of a partition, in the state in which the last commit left it."""
        if self.dataset == "transactions":
            return TransactionRowReader(
                AdmissionFilter(
                    settings.loaded_definitions,
                    settings.admission,
                    max_event_time,
                    admission,
                    partition,
                    settings.card_rule,
                ),
                payloads=payloads_of(settings),
            )
        if self.dataset == "decisions":
            return DecisionRowReader(max_event_time, cards=settings.card_rule)
        return LabelRowReader(cards=settings.card_rule)


def sources(settings: Settings) -> list[LakeSource]:
    """All datasets that ingest writes."""
    return [
        LakeSource("transactions", settings.topics.transactions, "timestamp"),
        LakeSource("labels", settings.topics.labels, "reported_at", sends_letters=True),
        LakeSource("decisions", settings.topics.predictions, "timestamp"),
    ]


@dataclass(frozen=True)
class Range:
    """Consecutive messages of a partition; `end` is where the next range starts."""

    start: int
    end: int
    rows: pa.Table
    rejected: list[RejectedMessage]
    lost: int


def _admission_after(before: Commit | None) -> Sequence[int]:
    """The admission state of the last commit; empty without one, or if an earlier version wrote it.

    Raises:
        DataError: nobody can have written it.
    """
    if before is None or not before.admission or event_clock.is_valid(before.admission):
        return before.admission if before else ()
    raise DataError(
        f"the lake's commit of partition {before.partition} at {before.end} has an admission state that "
        "nobody writes; restore the commit from a backup, or remove it and run this again"
    )


def ingest_partition(settings: Settings, lake: Lake, source: LakeSource, partition: int) -> list[Commit]:
    """Write the partition's new records to the lake; returns the new commits.

    Only one ingest may run at a time: the files of a second one may be removed as orphans.

    Raises:
        UnreachableError: Kafka or the lake does not answer.
        DataError: the log ends before what the lake holds of it.
    """
    before = last_commit(lake, source.dataset, partition)
    remove_orphans(lake, source.dataset, partition, before.end if before else 0)
    reader = source.reader(
        settings, before.max_event_time if before else 0, _admission_after(before), partition
    )
    if isinstance(reader, TransactionRowReader):
        reader.ids = load_taken(settings.loaded_definitions, lake, before, reader.admission.low_watermark)
    forgotten = read_forgotten(settings)
    with PartitionLog(settings, source.topic, partition) as log:
        position = before.end if before else None
        commits = []
        for read in ranges(log, reader, position, settings.ingest.chunk_rows):
            found = _without_forgotten(read, forgotten, log.name)
            # Before the commit: an interrupted run is repeated, and sends no letter twice.
            _send_letters(settings, source, partition, found.rejected)
            commits.append(write_range(lake, source, partition, reader.max_event_time, found, reader.state))
    if commits and isinstance(reader, TransactionRowReader):
        save_taken(lake, partition, commits[-1].end, reader.ids, reader.admission.low_watermark)
    return commits


def ranges(
    log: PartitionLog, reader: PartitionReader, position: int | None, chunk_rows: int
) -> Iterator[Range]:
    """The log from `position` on (None: from its beginning), about `chunk_rows` messages each.

    Raises:
        UnreachableError: Kafka is silent or refuses.
        DataError: the log ends before `position`.
    """
    low, high = log.bounds()
    start = low if position is None else position
    if position is None and low:
        _LOG.warning("%s begins at offset %d: Kafka has deleted what was before", log.name, low)
    lost = _lost(log, start, low, high)
    batches: list[pa.RecordBatch] = []
    rejected: list[RejectedMessage] = []
    seen = 0
    for messages in log.read(max(start, low), high):
        batch, refused = reader.read(messages)
        batches.append(batch)
        rejected += refused
        seen += len(messages)
        if seen >= chunk_rows:
            end = int(messages[-1].offset()) + 1
            yield Range(start, end, pa.Table.from_batches(batches, reader.schema), rejected, lost)
            batches, rejected, start, seen, lost = [], [], end, 0, 0
    if start < high:
        yield Range(start, high, pa.Table.from_batches(batches, reader.schema), rejected, lost)


def _lost(log: PartitionLog, start: int, low: int, high: int) -> int:
    if high < start:
        raise DataError(
            f"the lake holds {log.name} up to offset {start}, yet Kafka's ends at {high}: the topic was "
            "created again; start a new lake (FRAUD_LAKE__URL) or bring the old topic back"
        )
    lost = max(0, low - start)
    if lost:
        _LOG.error(
            "%s: Kafka deleted the offsets %d to %d before they were ingested; the lake lacks them. "
            "Ingest more often or raise the topic's retention.",
            log.name,
            start,
            low - 1,
        )
    return lost


def _without_forgotten(found: Range, forgotten: ForgottenCards, name: str) -> Range:
    """The range without forgotten cards; the reader has seen them, so that its state is the log's."""
    if not forgotten:
        return found
    rows = forgotten.without(found.rows)
    rejected = [one for one in found.rejected if not forgotten.is_named_in(one.value or b"")]
    left_out = found.rows.num_rows - rows.num_rows + len(found.rejected) - len(rejected)
    if left_out:
        _LOG.info("%s: %d messages of forgotten cards are left out", name, left_out)
    return replace(found, rows=rows, rejected=rejected)


def write_range(
    lake: Lake,
    source: LakeSource,
    partition: int,
    max_event_time: int,
    found: Range,
    admission: Sequence[int] = (),
) -> Commit:
    """Write the range's files, then the commit that makes them count."""
    name = range_name(partition, found.start, found.end)
    commit = Commit(
        dataset=source.dataset,
        topic=source.topic,
        partition=partition,
        start=found.start,
        end=found.end,
        admitted=found.rows.num_rows,
        refused=len(found.rejected),
        reasons=[f"offset {one.offset}: {one.reason}" for one in found.rejected[:_REASONS_KEPT]],
        lost=found.lost,
        max_event_time=max_event_time,
        files=list(_write_days(lake, source, partition, found)),
        rejected=_write_rejected(lake, source, name, found.rejected),
        admission=[*admission],
    )
    write_commit(lake, commit)
    return commit


def _write_days(lake: Lake, source: LakeSource, partition: int, found: Range) -> Iterator[LakeFile]:
    days = pc.divide(found.rows[source.time_column], DAY_MS)
    for day in sorted(pc.unique(days).to_pylist()):
        rows = found.rows.filter(pc.equal(days, day))
        date = day_of(day * DAY_MS)
        path = f"{source.dataset}/date={date}/{range_name(partition, found.start, found.end)}"
        lake.write_table(rows, path)
        times = pc.min_max(rows[source.time_column]).as_py()
        yield LakeFile(
            path, date, partition, found.start, found.end, rows.num_rows, times["min"], times["max"]
        )


def _send_letters(
    settings: Settings, source: LakeSource, partition: int, rejected: list[RejectedMessage]
) -> None:
    if source.sends_letters:
        letters = [(one.offset, one.letter) for one in rejected]
        send_label_letters(settings, TopicPartition(source.topic, partition), letters)


def _write_rejected(lake: Lake, source: LakeSource, name: str, rejected: list[RejectedMessage]) -> str | None:
    """Keep refused labels and conflicts in the lake; returns the path, None if there are none.

    A conflict, a transaction with the id of another payment, extends the time for which the id is taken.
    """
    if not source.sends_letters:
        rejected = [one for one in rejected if one.reason == CONFLICT_REASON]
    if not rejected:
        return None
    path = f"{source.dataset}/_rejected/{name}"
    lake.write_table(rejected_table(rejected), path)
    return path
