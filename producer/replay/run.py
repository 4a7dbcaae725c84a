"""The replay as a whole: read and check rows, check the topics, publish in order of event time."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from fraud.cards.rule import CardRule
from fraud.errors import ConfigurationError, DataError
from fraud.kafka.permission_checks import require_topic
from fraud.messages.admission import max_amounts
from fraud.settings import Settings
from producer.label_fields import LABEL_NAMES
from producer.replay.files.opening import open_source
from producer.replay.first_pass import StagedTransactions, read_labels, read_transactions, time_order
from producer.replay.forms.texts import stem_of
from producer.replay.mapping.columns import ColumnMapping
from producer.replay.mapping.mapping_file import read_mapping
from producer.replay.publishing.publish import ReplayEvents, Sent, publish
from producer.replay.publishing.topic_checks import (
    EventTimeRange,
    remove_retention_limit,
    require_accepted,
    require_not_behind,
    require_retention,
)
from producer.replay.rows.admission_limits import AdmissionLimits
from producer.replay.rows.card_columns import rule_of_nothing_kept
from producer.replay.rows.labels import LabelPlan, no_labels, plan_labels
from producer.replay.staging.rejected_rows import RejectedRows
from producer.replay.staging.remedies import no_label_of, no_transaction_of
from producer.replay.staging.staging_file import StagingFile

_ANY_TIME = 1 << 62


@dataclass(frozen=True)
class ReplayRequest:
    """What to replay and how; a `speed` of None is as fast as Kafka takes it."""

    transactions: Path
    labels: Path | None = None
    columns: Path | None = None
    label_delay: timedelta = timedelta(days=7)
    speed: float | None = None
    shift_to_now: bool = False
    keep_forever: bool = False
    resume_from: int = 0
    dry_run: bool = False


class ProgressListener(Protocol):
    """Receives the progress of a replay; may stop it by raising a KeyboardInterrupt."""

    def message(self, sentence: str) -> None:
        """A line for the user."""

    def at(self, stage: str, done: int, total: int | None = None) -> None:
        """`done` rows of a stage are done, of `total` if that is known."""


@dataclass
class ReplayResult:
    """What became of every row; `first_time` and `last_time` are event times (ms) as published."""

    read: int = 0
    good: int = 0
    labels: int = 0
    sent: Sent = field(default_factory=Sent)
    rejected: list[RejectedRows] = field(default_factory=list)
    unused_labels: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    first_time: int = 0
    last_time: int = 0
    seconds: float = 0.0


@dataclass
class _Replay:
    """What the steps of one replay share."""

    settings: Settings
    request: ReplayRequest
    listener: ProgressListener
    folder: Path
    result: ReplayResult = field(default_factory=ReplayResult)

    @contextmanager
    def rejected(
        self,
        name: str,
        columns: list[str] | tuple[str, ...],
        position_name: str,
        describe_position: Callable[[int], str] | None = None,
    ) -> Iterator[RejectedRows]:
        """The file for rows of one file that cannot be used."""
        with RejectedRows(
            self.settings.home / "rejected", name, columns, position_name, describe_position
        ) as rejected:
            self.result.rejected.append(rejected)
            yield rejected


def replay(settings: Settings, request: ReplayRequest, listener: ProgressListener) -> ReplayResult:
    """Publish a file's transactions, and its labels, in order of event time.

    Raises:
        FraudError: nothing in the files can be used, or the topics would not keep or take it.
    """
    if request.resume_from and request.shift_to_now:
        raise ConfigurationError("--resume-from does not go with --shift-to-now, since now has moved on")
    if not request.dry_run:
        for topic in (settings.topics.transactions, settings.topics.labels):
            require_topic(settings, topic, "write")
    scratch = settings.home / "replay"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        run = _Replay(settings, request, listener, Path(folder))
        events = _read_events(run)
        if not request.dry_run:
            _check_topics(run, events)
            _publish(run, events)
    return run.result


def _read_events(run: _Replay) -> ReplayEvents:
    """Read and check the files, and sort the accepted rows."""
    definitions, columns = run.settings.loaded_definitions, run.request.columns
    mapping = read_mapping(definitions, columns) if columns else ColumnMapping()
    read = _stage_transactions(run, mapping)
    labels = read.labels
    if run.request.labels:
        labels = _stage_labels(run, run.request.labels, mapping)
    plan = _plan_labels(run, labels, read.transactions) if labels else no_labels()
    if run.request.labels and not len(plan):
        raise DataError(no_label_of(run.request.labels, run.result.rejected[1], run.result.unused_labels))
    times = read.transactions.column("timestamp")
    order = time_order(times)
    if order is not None:
        run.listener.message(
            f"the file is not in order of event time; its {len(times):,} transactions are sorted"
        )
        times = times[order]
    shift = int(time.time() * 1_000) - int(times[-1]) if run.request.shift_to_now else 0
    run.result.first_time, run.result.last_time = int(times[0]) + shift, int(times[-1]) + shift
    return ReplayEvents(definitions, read.transactions, order, times, plan, shift)


def _stage_transactions(run: _Replay, mapping: ColumnMapping) -> StagedTransactions:
    request, result = run.request, run.result
    source = open_source(request.transactions, mapping.file)
    delay, stem = None if request.labels else request.label_delay, stem_of(request.transactions)
    with run.rejected(stem, source.columns, source.position_name, source.describe_position) as rejected:
        count = partial(run.listener.at, "reading transactions")
        read = read_transactions(
            run.settings.loaded_definitions,
            source,
            mapping,
            _limits(run),
            delay,
            run.folder,
            rejected,
            count,
            _cards(run),
            stem,
        )
    result.notes += read.remarks.notes
    result.warnings += read.remarks.sentences()
    result.good = len(read.transactions)
    result.read = result.good + rejected.count
    if not result.good:
        raise DataError(no_transaction_of(request.transactions, rejected))
    return read


def _cards(run: _Replay) -> CardRule:
    return rule_of_nothing_kept(run.settings) if run.request.dry_run else run.settings.card_rule


def _limits(run: _Replay) -> AdmissionLimits:
    admission = run.settings.admission
    if run.request.shift_to_now:
        return AdmissionLimits(0, _ANY_TIME, admission.max_amount, max_amounts(admission))
    latest = int((time.time() + admission.clock_skew.total_seconds()) * 1_000)
    return AdmissionLimits(admission.earliest, latest, admission.max_amount, max_amounts(admission))


def _stage_labels(run: _Replay, path: Path, mapping: ColumnMapping) -> StagingFile:
    own = mapping.of_labels()
    source = open_source(path, own.file)
    earliest, count = _limits(run).earliest, partial(run.listener.at, "reading labels")
    with run.rejected(
        stem_of(path), source.columns, source.position_name, source.describe_position
    ) as rejected:
        labels, remarks = read_labels(source, own, run.folder, rejected, count, _cards(run), earliest)
    run.result.notes += [f"labels: {note}" for note in remarks.notes]
    return labels


def _plan_labels(run: _Replay, labels: StagingFile, transactions: StagingFile) -> LabelPlan:
    plan = plan_labels(labels, transactions, run.request.label_delay)
    name = f"{stem_of(run.request.labels or run.request.transactions)}-unused-labels"
    with run.rejected(name, LABEL_NAMES, "row") as rejected:
        for reason, position, row in plan.unused_rows():
            run.result.unused_labels[reason] += 1
            rejected.add(position, reason, row)
    run.result.labels = len(plan)
    return plan


def _check_topics(run: _Replay, events: ReplayEvents) -> None:
    """See that the topics keep and take what is to be published.

    Raises:
        DataError: they would not.
    """
    settings, oldest = run.settings, run.result.first_time
    if oldest < settings.admission.earliest:
        raise DataError(f"the file spans too many years: its first event would be at {oldest} ms")
    spans = {settings.topics.transactions: (oldest, run.result.last_time)}
    if len(events.labels):
        first = int(events.labels.reported_at[0]) + events.shift
        # A report that is still to come is published with the time of now.
        first = min(first, int(time.time() * 1_000))
        spans[settings.topics.labels] = (first, first)
    for topic, (first, last) in spans.items():
        if run.request.keep_forever:
            remove_retention_limit(settings, topic)
        require_retention(settings, topic, first, is_shifted=run.request.shift_to_now)
        for sentence in require_accepted(settings, topic, first, last):
            run.listener.message(sentence)
    left = events.times[run.request.resume_from :]
    if len(left):
        span = EventTimeRange(int(left[0]) + events.shift, int(left[-1]) + events.shift)
        require_not_behind(settings, settings.topics.transactions, span, is_shifted=run.request.shift_to_now)


def _publish(run: _Replay, events: ReplayEvents) -> None:
    total, started = len(events) - run.request.resume_from, time.monotonic()
    sent = publish(
        run.settings,
        events,
        run.request.speed,
        run.request.resume_from,
        lambda done: run.listener.at("publishing", done, total),
    )
    run.result.sent, run.result.seconds = sent, time.monotonic() - started
